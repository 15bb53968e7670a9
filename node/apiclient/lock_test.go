package apiclient_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"muster.example/node/api"
	"muster.example/node/localapi/localapitest"
)

func TestLockRoundTrips(t *testing.T) { // [API-110] [API-111] [API-113]
	backend := new(localapitest.Backend)
	c, server, _ := serve(t, backend)
	ctx := t.Context()
	none := api.List[api.LockKey]{}
	check(t, backend, api.KeysQuery{Org: "o"}, []api.LockKey{{Org: "o", Name: "key", Kind: "x25519", Own: true}})(c.Keys(ctx, api.KeysQuery{Org: "o"}))
	change := api.KeyRequest{Org: "o", Do: "add", Name: "Bo's", Recipient: "age1", Identity: "i", Fingerprint: "f"}
	check(t, backend, change, api.KeyResult{Key: api.LockKey{Name: "Bo's"}})(c.ChangeKey(ctx, change))
	export := api.ExportKeyRequest{Name: "key"}
	check(t, backend, export, api.ExportKeyResult{Name: "key", Identity: "secret"})(c.ExportKey(ctx, export))
	prepare := api.LockRequest{To: []string{"Bo"}, Keys: []string{}, Passphrase: "correct horse"}
	check(t, backend, prepare, api.Lock{ID: "lock", Passphrase: true, Keys: none, Unable: api.List[api.Person]{}, Warnings: api.List[string]{}})(c.PrepareLock(ctx, prepare))
	drop := api.UnlockRequest{ID: "lock"}
	check(t, backend, drop, api.UnlockResult{Dropped: true})(c.DropLock(ctx, drop))
	open := api.OpenRequest{ID: "m", Passphrase: "p", Identity: "i", For: 60}
	opened := api.Opened{ID: "m", Text: "opened", Attachments: api.List[api.OpenedFile]{}}
	check(t, backend, open, opened)(c.Open(ctx, open))
	check(t, backend, api.OpenedQuery{ID: "m"}, opened)(c.Opened(ctx, api.OpenedQuery{ID: "m"}))
	shut := api.CloseRequest{ID: "m"}
	check(t, backend, shut, api.CloseResult{Closed: 1})(c.CloseOpened(ctx, shut))

	upload, err := c.UploadLocked(ctx, "lock", "plan.txt", strings.NewReader("secret"))
	if err != nil || string(backend.Uploaded(upload.ID)) != "secret" || upload.Name != "lock plan.txt" {
		t.Errorf("uploaded %+v, %v", upload, err)
	}
	file, content, err := c.OpenedAttachment(ctx, "m", 0)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(content); err != nil || string(data) != "opened" || file.Name != "plan.txt" {
		t.Errorf("%q of %+v, %v", data, file, err)
	}
	content.Close()
	if _, content, err = c.OpenedAttachment(ctx, "m", 1); err == nil {
		_, err = io.ReadAll(content)
		content.Close()
	}
	if err == nil {
		t.Error("a damaged file is read as if it were whole")
	}

	link := server.Login().Link
	response, err := http.Get(link) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	token := strings.Split(string(body), `"`)[3]
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.Split(link, "/login/")[0]+"/v1/keys/export", strings.NewReader(`{"name":"key"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNotFound {
		t.Errorf("loopback answers for a private key with %d", answer.StatusCode)
	}
}
