package web

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"

	"muster.example/node/api"
)

// folderLockRoutes are about how this computer's folder is locked. [API-90] [API-91]
func folderLockRoutes() []route {
	return []route{
		{"GET /lock", lockPage},
		{"POST /lock", setLock},
		{"GET /lock/now", lockPage},
		{"POST /lock/now", lockNow},
		{"GET /lock/passphrase", lockPage},
		{"POST /lock/passphrase", changePassphrase},
		{"GET /lock/keyring", lockPage},
		{"POST /lock/keyring", changeKeyring},
	}
}

// folderLockScreen is how the folder is locked and unlocked.
type folderLockScreen struct {
	api.FolderLock
	Passphrase bool // one unlocks it, and so proves who changes something
	Keyring    bool
}

func lockPage(v *visit) (answer, error) {
	if v.server.guard == nil {
		return answer{}, api.Errorf(api.CodeNotFound, "there is no such page")
	}
	state, err := v.server.guard.Lock(v.ctx())
	if err != nil {
		return answer{}, err
	}
	has := func(kind string) bool {
		return slices.ContainsFunc(state.Ways, func(w api.Way) bool { return w.Kind == kind })
	}
	return show("folderlock", "folderlock.title", folderLockScreen{FolderLock: state, Passphrase: has(api.WayPassphrase), Keyring: has(api.WayKeyring)})
}

// setLock says when the folder locks itself.
func setLock(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	minutes, err := strconv.Atoi(f.text("idle"))
	if err != nil {
		return v.again(api.Errorf(api.CodeUsage, "%q is no number of minutes", f.text("idle")), lockPage)
	}
	onSleep := f.on("sleep")
	if _, err := v.server.guard.SetLock(v.ctx(), api.LockSettings{IdleMinutes: &minutes, OnSleep: &onSleep}); err != nil {
		return v.again(err, lockPage)
	}
	return goOn("/lock", "folderlock.kept")
}

// lockNow locks the folder. The browser goes on by itself, to the page that asks for the passphrase.
func lockNow(v *visit) (answer, error) {
	if _, err := v.server.guard.LockNow(v.ctx(), api.LockFolderRequest{}); err != nil {
		return answer{}, err
	}
	return answer{write: func(w http.ResponseWriter) {
		w.Header().Set("Refresh", "1; url=/")
		w.Header().Set("Connection", "close")
		v.server.look.render(w, http.StatusOK, &visit{server: v.server, r: v.r, words: v.words, preferences: v.preferences},
			screen{Template: "locking", Title: "folderlock.going"})
	}}, nil
}

// changePassphrase puts a new passphrase in place of the old.
func changePassphrase(v *visit) (answer, error) {
	fields, err := readSecrets(v.r.Body, "current", "passphrase", "again")
	if err != nil {
		return v.again(api.Errorf(api.CodeUsage, "the form is not understood"), lockPage)
	}
	defer fields.forget()
	if !bytes.Equal(fields["passphrase"], fields["again"]) {
		return v.again(api.Errorf(api.CodeUsage, "the two passphrases differ"), lockPage)
	}
	if weak := tooWeak(fields["passphrase"], v.server.static.files[commonFile]); weak != "" {
		return v.again(api.Errorf(api.CodeUsage, "the new passphrase is too easy to guess"), lockPage)
	}
	request := api.WaysRequest{Proof: api.Key{Passphrase: fields["current"]}, Passphrase: fields["passphrase"]}
	if _, err := v.server.guard.ChangeWays(v.ctx(), request); err != nil {
		return v.again(err, lockPage)
	}
	return goOn("/lock", "folderlock.changed")
}

// changeKeyring lets the keyring unlock the folder, or not any more.
func changeKeyring(v *visit) (answer, error) {
	fields, err := readSecrets(v.r.Body, "current", "keyring")
	if err != nil {
		return v.again(api.Errorf(api.CodeUsage, "the form is not understood"), lockPage)
	}
	defer fields.forget()
	request := api.WaysRequest{Proof: api.Key{Passphrase: fields["current"]}, Keyring: string(fields["keyring"]) == "on"}
	if !request.Keyring {
		state, err := v.server.guard.Lock(v.ctx())
		if err != nil {
			return answer{}, err
		}
		for _, way := range state.Ways {
			if way.Kind == api.WayKeyring {
				request.Remove = append(request.Remove, way.Number)
			}
		}
		if len(request.Remove) == 0 {
			return goOn("/lock", "folderlock.keyringoff")
		}
	}
	if _, err := v.server.guard.ChangeWays(v.ctx(), request); err != nil {
		return v.again(err, lockPage)
	}
	if request.Keyring {
		return goOn("/lock", "folderlock.keyringon")
	}
	return goOn("/lock", "folderlock.keyringoff")
}
