package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"

	"muster.example/node/api"
)

// Export is a copy of the history as it comes. The caller closes it.
type Export struct {
	Messages int           // about how many
	Body     io.ReadCloser // the zip file, if that was asked for

	parts *multipart.Reader
}

// Export begins a copy of the history.
func (c *Client) Export(ctx context.Context, request api.ExportRequest) (*Export, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, api.Errorf(api.CodeUsage, "%v", err)
	}
	response, err := c.do(ctx, http.MethodPost, "/v1/export", nil, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	e := &Export{Body: response.Body}
	e.Messages, _ = strconv.Atoi(response.Header.Get("Muster-Messages"))
	if request.Zip {
		return e, nil
	}
	kind, parameters, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" || parameters["boundary"] == "" {
		response.Body.Close()
		return nil, api.Errorf(api.CodeFailed, "the node's answer is no export")
	}
	e.parts = multipart.NewReader(response.Body, parameters["boundary"])
	return e, nil
}

// Next returns the next file and its name, which has slashes between the names of folders; one with a slash behind it is an empty
// folder. At the end, and only if nothing is missing, the error is io.EOF.
func (e *Export) Next() (name string, content io.Reader, err error) {
	part, err := e.parts.NextRawPart()
	switch {
	case err == io.EOF: //nolint:errorlint // one that wraps it says that the last boundary is missing
		return "", nil, io.EOF
	case errors.Is(err, io.EOF):
		return "", nil, io.ErrUnexpectedEOF
	case err != nil:
		return "", nil, err
	}
	_, parameters, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil || parameters["filename"] == "" {
		return "", nil, fmt.Errorf("apiclient: a file of the export without a name: %v", err)
	}
	return parameters["filename"], part, nil
}

// Close ends the export, also before it is whole.
func (e *Export) Close() error { return e.Body.Close() }
