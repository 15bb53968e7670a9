package replicated

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"muster.example/rendezvous/queue"
)

// link is the connection to the cluster: requests that end in time, and what their answers mean.
type link struct {
	nc *nats.Conn
	js jetstream.JetStream
}

// errAbsent means that a message is not there, as one of the servers says.
var errAbsent = errors.New("no such message")

// errOrder means that something else was appended meanwhile.
var errOrder = errors.New("the log went on meanwhile")

// unavailable makes an error of the cluster one that callers know. What it says of space is ErrFull.
func unavailable(doing string, err error) error {
	if err == nil || errors.Is(err, queue.ErrFull) || errors.Is(err, queue.ErrUnavailable) {
		return err
	}
	var api *jetstream.APIError
	if errors.As(err, &api) {
		err = answered(api)
		if errors.Is(err, queue.ErrFull) {
			return err
		}
	}
	return fmt.Errorf("%w: %s: %v", queue.ErrUnavailable, doing, err)
}

// The codes of JetStream's errors that mean that there is no room.
const (
	codeInsufficientResources = 10023
	codeMemoryExceeded        = 10028
	codeResourcesExceeded     = 10047
	codeStoreFailed           = 10077 // "maximum bytes exceeded", "no space left on device"
	codeAccountExceeded       = 10002
	codeNoPeers               = 10005 // no servers with so much room
)

// codeNotDeleted means that there is no such message to be removed.
const codeNotDeleted = 10057

// answered makes an error of what a server answered.
func answered(e *jetstream.APIError) error {
	switch e.ErrorCode {
	case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		return errOrder
	case jetstream.JSErrCodeMessageNotFound:
		return errAbsent
	case codeInsufficientResources, codeMemoryExceeded, codeResourcesExceeded, codeStoreFailed, codeAccountExceeded, codeNoPeers:
		return fmt.Errorf("%w: the cluster says: %s", queue.ErrFull, e.Description)
	}
	return fmt.Errorf("%w: the cluster says: %s (%d)", queue.ErrUnavailable, e.Description, e.ErrorCode)
}

// ask sends requests at once and returns their answers in order. Each has one answer.
func (l *link) ask(ctx context.Context, limit time.Duration, requests []*nats.Msg) ([]*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	inbox := l.nc.NewInbox()
	sub, err := l.nc.SubscribeSync(inbox + ".*")
	if err != nil {
		return nil, unavailable("asking", err)
	}
	defer sub.Unsubscribe() //nolint:errcheck // it goes with the connection
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return nil, unavailable("asking", err)
	}
	for i, request := range requests {
		request.Reply = inbox + "." + strconv.Itoa(i)
		if err := l.nc.PublishMsg(request); err != nil {
			return nil, unavailable("asking", err)
		}
	}
	answers := make([]*nats.Msg, len(requests))
	for missing := len(requests); missing > 0; {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return answers, unavailable("waiting for the cluster's answer", err)
		}
		i, err := strconv.Atoi(m.Subject[len(inbox)+1:])
		if err != nil || i < 0 || i >= len(answers) || answers[i] != nil {
			continue
		}
		answers[i] = m
		missing--
	}
	return answers, nil
}

// statusOf returns the status line of an answer without a body, "" for none.
func statusOf(m *nats.Msg) string {
	if len(m.Data) > 0 || m.Header == nil {
		return ""
	}
	return m.Header.Get("Status")
}

// stored is the answer to a publication.
type stored struct {
	Seq   uint64              `json:"seq"`
	Error *jetstream.APIError `json:"error"`
}

// publish stores messages and returns their sequences. Once it returns without an error all are durable. It fails as a whole,
// when some may be stored.
func (l *link) publish(ctx context.Context, limit time.Duration, messages ...*nats.Msg) ([]uint64, error) {
	answers, err := l.ask(ctx, limit, messages)
	if err != nil {
		return nil, err
	}
	seqs := make([]uint64, len(answers))
	for i, m := range answers {
		if status := statusOf(m); status != "" {
			return nil, fmt.Errorf("%w: no server has the stream of %s (%s)", queue.ErrUnavailable, messages[i].Subject, status)
		}
		var a stored
		if err := json.Unmarshal(m.Data, &a); err != nil {
			return nil, fmt.Errorf("%w: an answer of the cluster: %v", queue.ErrUnavailable, err)
		}
		if a.Error != nil {
			return nil, answered(a.Error)
		}
		seqs[i] = a.Seq
	}
	return seqs, nil
}

// message makes a message to be stored, once however often it is sent with the same id.
func message(subject string, data []byte, id string) *nats.Msg {
	m := nats.NewMsg(subject)
	m.Data = data
	if id != "" {
		m.Header.Set(jetstream.MsgIDHeader, id)
	}
	return m
}

// wanted names a message that is to be read: by its sequence, or the last of a subject.
type wanted struct {
	stream  string
	seq     uint64
	subject string
}

func (w wanted) request(prefix string) *nats.Msg {
	body := map[string]any{"last_by_subj": w.subject}
	if w.subject == "" {
		body = map[string]any{"seq": w.seq}
	}
	m := nats.NewMsg(prefix + w.stream)
	m.Data, _ = json.Marshal(body) //nolint:errcheck // a map of plain values
	return m
}

// read asks any of the servers for messages. One that is not there, or not yet on the server that answers, is nil.
func (l *link) read(ctx context.Context, wants []wanted) ([][]byte, error) {
	requests := make([]*nats.Msg, len(wants))
	for i, w := range wants {
		requests[i] = w.request("$JS.API.DIRECT.GET.")
	}
	answers, err := l.ask(ctx, readTime, requests)
	if err != nil {
		return nil, err
	}
	bodies := make([][]byte, len(wants))
	for i, m := range answers {
		switch {
		case m.Header.Get(jetstream.StreamHeader) == wants[i].stream:
			if bodies[i] = m.Data; m.Data == nil {
				bodies[i] = []byte{}
			}
		case statusOf(m) != "404" && statusOf(m) != "503": // no server has it: the leader is asked
			return nil, fmt.Errorf("%w: reading %s: status %q", queue.ErrUnavailable, wants[i].stream, statusOf(m))
		}
	}
	return bodies, nil
}

// readFromLeader asks the server that leads the stream, which knows what is not there. Errors: errAbsent.
func (l *link) readFromLeader(ctx context.Context, w wanted) ([]byte, error) {
	answers, err := l.ask(ctx, readTime, []*nats.Msg{w.request("$JS.API.STREAM.MSG.GET.")})
	if err != nil {
		return nil, err
	}
	if status := statusOf(answers[0]); status != "" {
		return nil, fmt.Errorf("%w: reading %s: status %s", queue.ErrUnavailable, w.stream, status)
	}
	var a struct {
		Message *struct {
			Data []byte `json:"data"`
		} `json:"message"`
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answers[0].Data, &a); err != nil {
		return nil, fmt.Errorf("%w: an answer of the cluster: %v", queue.ErrUnavailable, err)
	}
	switch {
	case a.Error != nil:
		return nil, answered(a.Error)
	case a.Message == nil:
		return nil, errAbsent
	}
	return a.Message.Data, nil
}

// logged is a message of the log.
type logged struct {
	seq  uint64
	data []byte
}

// page returns what a server has of a stream from a sequence on, some at a time. Nothing is no error.
func (l *link) page(ctx context.Context, stream string, from uint64) ([]logged, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	inbox := l.nc.NewInbox()
	sub, err := l.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, unavailable("reading the log", err)
	}
	defer sub.Unsubscribe() //nolint:errcheck // it goes with the connection
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return nil, unavailable("reading the log", err)
	}
	body, _ := json.Marshal(map[string]any{"seq": from, "batch": pageMessages, "max_bytes": pageBytes}) //nolint:errcheck // plain
	if err := l.nc.PublishRequest("$JS.API.DIRECT.GET."+stream, inbox, body); err != nil {
		return nil, unavailable("reading the log", err)
	}
	var found []logged
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return found, unavailable("reading the log", err)
		}
		if m.Header.Get(jetstream.StreamHeader) != stream {
			switch status := m.Header.Get("Status"); status {
			case "204", "404":
				return found, nil
			default:
				return found, fmt.Errorf("%w: reading the log: status %q", queue.ErrUnavailable, status)
			}
		}
		seq, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
		if err != nil {
			return found, fmt.Errorf("%w: a message of the log without a number", queue.ErrUnavailable)
		}
		found = append(found, logged{seq, m.Data})
	}
}
