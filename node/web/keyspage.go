package web

import (
	"net/url"

	"muster.example/node/api"
)

func keyRoutes() []route {
	return []route{
		{"GET /o/{org}/keys", keysPage},
		{"POST /o/{org}/keys", changeKey},
		{"GET /o/{org}/keys/{key}/qr.png", keyPicture},
	}
}

// keysScreen is all keys of an organization.
type keysScreen struct {
	Own, Members, Added []api.LockKey
	Picture             string // address of the QR code of the own key
	Current             api.LockKey
}

func keysPage(v *visit) (answer, error) {
	all, err := v.backend().Keys(v.ctx(), api.KeysQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	var s keysScreen
	for _, k := range all {
		switch {
		case k.Own:
			s.Own = append(s.Own, k)
			if k.Current {
				s.Current, s.Picture = k, v.In("keys", v.server.shelf.put(k.Recipient), "qr.png")
			}
		case k.Member != nil:
			s.Members = append(s.Members, k)
		default:
			s.Added = append(s.Added, k)
		}
	}
	return show("keys", "lock.keys", s)
}

// keyActs are what the page does with a key, and what it says then.
var keyActs = map[string]string{
	"make": "lock.didmake", "add": "lock.didadd", "trust": "lock.didtrust", "untrust": "lock.diduntrust", "revoke": "lock.didrevoke",
}

func changeKey(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	notice, ok := keyActs[f.text("do")]
	if !ok {
		return answer{}, api.Errorf(api.CodeUsage, "there is no such thing to do")
	}
	if f.text("do") == "revoke" && !f.on("sure") {
		return v.again(api.Errorf(api.CodeUsage, "nothing was changed"), keysPage)
	}
	request := api.KeyRequest{Org: v.Org.Org, Do: f.text("do"), Name: f.text("name"), Recipient: f.text("recipient"), Fingerprint: f.text("words")}
	if _, err := v.backend().ChangeKey(v.ctx(), request); err != nil {
		return v.again(err, keysPage)
	}
	return goOn(v.In("keys"), notice)
}

// keyPicture answers with the QR code of a public key.
func keyPicture(v *visit) (answer, error) {
	line, ok := v.server.shelf.get(v.path("key"))
	if !ok {
		return answer{}, api.Errorf(api.CodeNotFound, "this picture is not kept any more")
	}
	return picture(line)
}

// LockAddress returns the address at which an answer is written that is locked, or a message to somebody.
func (v *visit) LockAddress(reply, thread string) string {
	address := v.In("lock")
	if reply != "" {
		address += "?" + url.Values{"reply": {reply}, "thread": {thread}}.Encode()
	}
	return address
}
