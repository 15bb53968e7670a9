// Package apiclient is the Go client of a device node's local API: one method a route, over the unix socket of a folder
// or over loopback with a token.
//
// It owns how requests are written and answers read, and their limits. It must not know the server (node/localapi):
// both know node/api. Errors are *api.Error, with api.CodeNotRunning when nothing listens.
//
// Spec: docs/spec/06-local-api.md.
package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"muster.example/node/api"
)

// Limits of what a server can make the client do.
const (
	maxAnswer = 64 << 20 // bytes of a JSON answer: a page of the largest messages
	maxEvent  = 16 << 20 // bytes of one event
)

// Client talks to one node. It is safe for concurrent use and holds no goroutine once its calls have ended and Close
// was called.
type Client struct {
	base  string // "http://host"
	token string
	name  string // what the person calls the node: its folder or address
	http  *http.Client
}

// New returns a client of the node that serves dir. It returns an error of api.CodeNotRunning if none ever did; whether
// one runs now shows at the first call.
func New(dir string) (*Client, error) {
	path, err := api.FindSocket(dir)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer.DialContext(ctx, "unix", path) }
	return newClient("http://muster", "", dir, dial), nil
}

// NewWeb returns a client of the API on loopback: address is HOST:PORT, token what the login link gave.
func NewWeb(address, token string) *Client {
	return newClient("http://"+address, token, address, (&net.Dialer{}).DialContext)
}

func newClient(base, token, name string, dial func(context.Context, string, string) (net.Conn, error)) *Client {
	transport := &http.Transport{ // no proxy: nothing leaves the machine
		DialContext:            dial,
		DisableCompression:     true,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{base: base, token: token, name: name, http: &http.Client{Transport: transport, CheckRedirect: refuse}}
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// do sends a request and returns the answer to a success, whose body the caller closes; any other is an *api.Error.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, kind string, body io.Reader) (*http.Response, error) {
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, api.Errorf(api.CodeUsage, "%v", err)
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.transportError(ctx, err)
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		return nil, readError(response)
	}
	return response, nil
}

// transportError tells a node that is not there from one that went away and from a caller that gave up.
func (c *Client) transportError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	operation, dialing := errors.AsType[*net.OpError](err)
	if dialing && operation.Op == "dial" &&
		(errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || refused(err)) {
		return api.NotRunning(c.name)
	}
	if urlError, ok := errors.AsType[*url.Error](err); ok {
		err = urlError.Err
	}
	return api.Errorf(api.CodeFailed, "talking to the node: %v", err)
}

func readError(response *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	known := new(api.Error)
	if err != nil || json.Unmarshal(data, known) != nil || known.Code == "" {
		return api.Errorf(api.CodeFailed, "the node answered %s", response.Status)
	}
	return known
}

// object sends request (nil for none) and reads the answer into a value.
func object[A any](ctx context.Context, c *Client, method, path string, query url.Values, request any) (A, error) {
	var answer A
	var kind string
	var body io.Reader
	if request != nil {
		data, err := json.Marshal(request)
		if err != nil {
			return answer, api.Errorf(api.CodeUsage, "%v", err)
		}
		kind, body = "application/json", bytes.NewReader(data)
	}
	response, err := c.do(ctx, method, path, query, kind, body)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	return decode[A](ctx, c, response)
}

func decode[A any](ctx context.Context, c *Client, response *http.Response) (A, error) {
	var answer A
	limited := &io.LimitedReader{R: response.Body, N: maxAnswer + 1}
	data, err := io.ReadAll(limited)
	if err != nil {
		return answer, c.transportError(ctx, err)
	}
	if limited.N == 0 {
		return answer, api.Errorf(api.CodeFailed, "the node's answer is larger than %d bytes", maxAnswer)
	}
	if kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return answer, api.Errorf(api.CodeFailed, "the node answered with something else than JSON")
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return answer, api.Errorf(api.CodeFailed, "the node's answer is not understood: %v", err)
	}
	return answer, nil
}

// Status tells what the node is and whom it reaches.
func (c *Client) Status(ctx context.Context) (api.StatusResult, error) {
	return object[api.StatusResult](ctx, c, http.MethodGet, "/v1/status", nil, nil)
}

// CreateOrg founds an organization.
func (c *Client) CreateOrg(ctx context.Context, request api.CreateOrgRequest) (api.CreateOrgResult, error) {
	return object[api.CreateOrgResult](ctx, c, http.MethodPost, "/v1/orgs", nil, request)
}

// Orgs lists the organizations that the node is in.
func (c *Client) Orgs(ctx context.Context) ([]api.OrgSummary, error) {
	return object[[]api.OrgSummary](ctx, c, http.MethodGet, "/v1/orgs", nil, nil)
}

// Invite makes an invitation.
func (c *Client) Invite(ctx context.Context, request api.InviteRequest) (api.InviteResult, error) {
	return object[api.InviteResult](ctx, c, http.MethodPost, "/v1/invitations", nil, request)
}

// Join joins an organization.
func (c *Client) Join(ctx context.Context, request api.JoinRequest) (api.JoinResult, error) {
	return object[api.JoinResult](ctx, c, http.MethodPost, "/v1/join", nil, request)
}

// Devices lists the own account in each organization, with its devices.
func (c *Client) Devices(ctx context.Context, query api.DevicesQuery) ([]api.Account, error) {
	return object[[]api.Account](ctx, c, http.MethodGet, "/v1/devices", orgValue(query.Org), nil)
}

// Bar bars devices of the own account, or says what that would do.
func (c *Client) Bar(ctx context.Context, request api.BarRequest) (api.BarResult, error) {
	return object[api.BarResult](ctx, c, http.MethodPost, "/v1/devices/bar", nil, request)
}

// Freeze freezes the own account, or ends that.
func (c *Client) Freeze(ctx context.Context, request api.FreezeRequest) (api.FreezeResult, error) {
	return object[api.FreezeResult](ctx, c, http.MethodPost, "/v1/devices/freeze", nil, request)
}

// Refuse refuses a re-admission of the own account.
func (c *Client) Refuse(ctx context.Context, request api.RefuseRequest) (api.RefuseResult, error) {
	return object[api.RefuseResult](ctx, c, http.MethodPost, "/v1/devices/refuse", nil, request)
}

// Wiper chooses whose bar may have this device remove its data.
func (c *Client) Wiper(ctx context.Context, request api.WiperRequest) (api.WiperResult, error) {
	return object[api.WiperResult](ctx, c, http.MethodPost, "/v1/devices/wiper", nil, request)
}

// Recover uses the recovery words on a device of the account.
func (c *Client) Recover(ctx context.Context, request api.RecoverRequest) (api.RecoverResult, error) {
	return object[api.RecoverResult](ctx, c, http.MethodPost, "/v1/recovery", nil, request)
}

// Return makes this computer a device of an account again.
func (c *Client) Return(ctx context.Context, request api.ReturnRequest) (api.ReturnResult, error) {
	return object[api.ReturnResult](ctx, c, http.MethodPost, "/v1/recovery/return", nil, request)
}

// Lost makes a request for re-admission.
func (c *Client) Lost(ctx context.Context, request api.LostRequest) (api.LostResult, error) {
	return object[api.LostResult](ctx, c, http.MethodPost, "/v1/recovery/lost", nil, request)
}

// Card returns the card to keep beside the recovery words.
func (c *Client) Card(ctx context.Context, query api.DevicesQuery) (api.CardResult, error) {
	return object[api.CardResult](ctx, c, http.MethodGet, "/v1/recovery/card", orgValue(query.Org), nil)
}

// Introduce makes first contact.
func (c *Client) Introduce(ctx context.Context, request api.IntroduceRequest) (api.IntroduceResult, error) {
	return object[api.IntroduceResult](ctx, c, http.MethodPost, "/v1/introductions", nil, request)
}

// Accept lets a member write.
func (c *Client) Accept(ctx context.Context, request api.AcceptRequest) (api.AcceptResult, error) {
	return object[api.AcceptResult](ctx, c, http.MethodPost, "/v1/accept", nil, request)
}

// Contacts lists contacts.
func (c *Client) Contacts(ctx context.Context, query api.ContactsQuery) ([]api.Contact, error) {
	values := orgValue(query.Org)
	if query.All {
		values.Set("all", "true")
	}
	return object[[]api.Contact](ctx, c, http.MethodGet, "/v1/contacts", values, nil)
}

// Upload streams a file to the node, for a message to come.
func (c *Client) Upload(ctx context.Context, name string, r io.Reader) (api.Upload, error) {
	values := url.Values{"name": {name}}
	response, err := c.do(ctx, http.MethodPost, "/v1/uploads", values, "application/octet-stream", r)
	if err != nil {
		return api.Upload{}, err
	}
	defer response.Body.Close()
	return decode[api.Upload](ctx, c, response)
}

// SendAgain sends an own message once more to those who did not get it.
func (c *Client) SendAgain(ctx context.Context, request api.AgainRequest) (api.SendResult, error) {
	return object[api.SendResult](ctx, c, http.MethodPost, "/v1/messages/again", nil, request)
}

// Send saves a message and sends it.
func (c *Client) Send(ctx context.Context, request api.SendRequest) (api.SendResult, error) {
	return object[api.SendResult](ctx, c, http.MethodPost, "/v1/messages", nil, request)
}

// Inbox lists a page of received messages.
func (c *Client) Inbox(ctx context.Context, query api.InboxQuery) (api.InboxPage, error) {
	values := orgValue(query.Org)
	if query.Cursor != "" {
		values.Set("cursor", query.Cursor)
	}
	if query.Limit > 0 {
		values.Set("limit", strconv.Itoa(query.Limit))
	}
	if query.Hidden {
		values.Set("hidden", "true")
	}
	return object[api.InboxPage](ctx, c, http.MethodGet, "/v1/messages", values, nil)
}

// Read returns one message and marks it read.
func (c *Client) Read(ctx context.Context, request api.ReadRequest) (api.Message, error) {
	return object[api.Message](ctx, c, http.MethodPost, "/v1/messages/read", nil, request)
}

// Attachment opens a file of a message, by its place from 0. The reader yields exactly Size bytes, or an error if the
// answer broke off; the caller closes it.
func (c *Client) Attachment(ctx context.Context, messageID string, index int) (api.Attachment, io.ReadCloser, error) {
	path := "/v1/messages/" + url.PathEscape(messageID) + "/attachments/" + strconv.Itoa(index)
	response, err := c.do(ctx, http.MethodGet, path, nil, "", nil)
	if err != nil {
		return api.Attachment{}, nil, err
	}
	name, err := url.PathUnescape(response.Header.Get("Muster-Name"))
	if err != nil || response.ContentLength < 0 {
		response.Body.Close()
		return api.Attachment{}, nil, api.Errorf(api.CodeFailed, "the node's answer lacks the file's name or size")
	}
	return api.Attachment{Name: name, Size: response.ContentLength}, response.Body, nil
}

// Login makes a one-time link to the API on loopback. Only the socket serves it.
func (c *Client) Login(ctx context.Context) (api.Login, error) {
	return object[api.Login](ctx, c, http.MethodPost, "/v1/login", nil, struct{}{})
}

func orgValue(org string) url.Values {
	values := url.Values{}
	if org != "" {
		values.Set("org", org)
	}
	return values
}

// refused knows the form that a refused connection has on Windows, where the number differs from syscall's.
func refused(err error) bool {
	return strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), "cannot find")
}

// ErrLagged means that a watcher was too slow and missed events: read the inbox and watch again.
var ErrLagged = errors.New("apiclient: this watcher was too slow and missed events")

// MakeWords makes new recovery words.
func (c *Client) MakeWords(ctx context.Context, request api.WordsRequest) (api.WordsResult, error) {
	return object[api.WordsResult](ctx, c, http.MethodPost, "/v1/recovery/words", nil, request)
}
