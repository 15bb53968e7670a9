package replicated

import (
	"context"

	"github.com/nats-io/nats.go"
)

// Tell tells the other processes something that nobody keeps: who does not listen misses it. [STO-97]
func (e *Engine) Tell(data []byte) {
	if err := e.link.nc.Publish(e.toldSubject(), data); err != nil {
		e.troubles.warn("telling the other processes", err)
	}
}

// Listen calls heard with what other processes tell, until ctx ends. What comes faster than heard takes it is lost.
func (e *Engine) Listen(ctx context.Context, heard func(data []byte)) error {
	told := make(chan *nats.Msg, livePending)
	sub, err := e.link.nc.ChanSubscribe(e.toldSubject(), told)
	if err != nil {
		return unavailable("listening to the other processes", err)
	}
	defer sub.Unsubscribe() //nolint:errcheck // it goes with the connection
	for {
		select {
		case <-ctx.Done():
			return nil
		case m, ok := <-told:
			if !ok {
				return nil
			}
			heard(m.Data)
		}
	}
}

func (e *Engine) toldSubject() string { return e.opt.Prefix + ".told" }
