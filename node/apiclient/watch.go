package apiclient

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"muster.example/node/api"
)

// Watch calls each for every event, in order, until ctx ends (its cause is returned), the node stops (an error of
// api.CodeNotRunning), the watcher lags (ErrLagged) or each returns an error, which is returned. The first event is
// api.EventReady: from then on nothing is missed. It starts no goroutine of its own.
func (c *Client) Watch(ctx context.Context, query api.WatchQuery, each func(api.Event) error) error {
	response, err := c.do(ctx, http.MethodGet, "/v1/events", orgValue(query.Org), "", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(make([]byte, 4<<10), maxEvent)
	for lines.Scan() {
		data, found := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !found {
			continue // a comment, an event's name, or the blank line between two
		}
		var event api.Event
		if err := json.Unmarshal(data, &event); err != nil {
			return api.Errorf(api.CodeFailed, "the node sent an event that is not understood: %v", err)
		}
		if event.Kind == api.EventLagged {
			return ErrLagged
		}
		if err := each(event); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil, errors.Is(err, io.ErrUnexpectedEOF):
		return api.Errorf(api.CodeNotRunning, "the node stopped")
	default:
		return c.transportError(ctx, err)
	}
}
