//go:build browser

package browser

import (
	"context"
	"strings"
	"testing"

	"muster.example/node/api"
)

// A person whose computer is lost restores a backup on the page of a new one, with the drive and the words alone.
func TestBackupIsRestored(t *testing.T) {
	claim := startRendezvous(t)
	ada, bo := startPerson(t, "Ada"), startPerson(t, "Bo")
	founded := muster[api.CreateOrgResult](ada, "org", "create", "Lighthouse", "--claim", claim, "--as", "Ada")
	muster[any](ada, "admin", "policy", "set", "contact.member.member=free", "contact.admin.member=free", "contact.member.admin=free")
	muster[api.JoinResult](bo, "join", muster[api.InviteResult](ada, "invite").Invitation, "--as", "Bo")
	muster[any](bo, "send", "Ada", "-s", "Charts", "-m", "As promised.")
	await(t, "the message is there", func(context.Context) bool { return len(muster[[]api.Message](ada, "inbox")) == 1 })
	stick := t.TempDir()
	muster[any](ada, "backup", "auto", "--to", stick, "--same-disk")
	muster[any](ada, "backup", "now")
	fresh := startPerson(t, "Ada's new computer")

	b := open(t, fresh)
	b.goTo("/welcome")
	b.click(`main a[href="/restore"]`)
	b.look("restore")
	b.paste("#from", stick)
	b.paste("#restore-words", strings.Repeat("able ", 24))
	b.expect("the server responded with a status of 4") // a refusal is shown with its status
	b.click(`#choosing button`)
	b.until("the words are refused", "document.querySelector('main [role=alert], main .warning, main .refusal')")
	b.paste("#from", stick)
	b.paste("#restore-words", strings.Join(founded.RecoveryWords, " "))
	b.click(`#choosing button`)
	b.see("All of the backup is back.")
	b.look("restore-done")
	b.click(`#restoring a[href="/o/` + founded.Org + `/"]`)
	b.see("Charts")
}
