package localapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"muster.example/node/api"
)

// watch streams events until the client leaves, the server stops or the watcher lags. [API-9]
func (s *Server) watch(w http.ResponseWriter, r *http.Request) {
	values, err := parameters(r, "org")
	if err != nil {
		s.finish(w, nil, err)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	events, err := s.backend.Watch(ctx, api.WatchQuery{Org: values.Get("org")})
	if err != nil {
		s.finish(w, nil, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	stream := &eventStream{w: w, control: http.NewResponseController(w)}
	if stream.send(api.Event{Kind: api.EventReady, Time: time.Now().UTC()}) != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-s.stopping:
			return
		case <-ctx.Done():
			return
		case <-beat.C:
			err = stream.write([]byte(":\n\n"))
		case event, open := <-events:
			if !open {
				if ctx.Err() == nil {
					stream.send(api.Event{Kind: api.EventLagged, Time: time.Now().UTC()}) //nolint:errcheck // it ends anyway
				}
				return
			}
			err = stream.send(event)
		}
		if err != nil {
			return
		}
	}
}

// eventStream writes server-sent events, each flushed, each with a deadline.
type eventStream struct {
	w       io.Writer
	control *http.ResponseController
}

func (e *eventStream) send(event api.Event) error {
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(event); err != nil { // one line: JSON escapes line breaks
		return err
	}
	return e.write(fmt.Appendf(nil, "event: %s\ndata: %s\n", event.Kind, data.Bytes()))
}

func (e *eventStream) write(b []byte) error {
	e.control.SetWriteDeadline(time.Now().Add(writeTimeout)) //nolint:errcheck // as in common
	if _, err := e.w.Write(b); err != nil {
		return err
	}
	return e.control.Flush()
}
