package keys

import (
	"bytes"
	"encoding/hex"
	"testing"

	"muster.example/internal/repotest/vector"
)

// addBackup makes the cases of what the words yield for backups.
func addBackup(cases map[string]vector.Vector) {
	for name, seed := range map[string]RecoverySeed{"known_words": RecoverySeed([]byte(knownEntropy)), "zeros": {}} {
		key := seed.Backup()
		mark, catalogue := key.Writer().Mark(), key.Writer().Catalogue()
		cases["backup_"+name] = vector.Vector{Expect: "ok", Rule: "[KEY-8], [KEY-9], [KEY-10]",
			Comment: "what a device keeps, and what the words and the device's secret open and mark with",
			Inputs: []string{"kind: backup", "seed: " + hex.EncodeToString(seed[:]), "key: " + hex.EncodeToString(key[:]),
				"identity: " + key.AgeIdentity(), "catalogue: " + catalogue.String(), "mark: " + hex.EncodeToString(mark[:])},
			Data: key.Writer().Bytes()}
	}
}

func checkBackup(t *testing.T, v vector.Vector) {
	key := RecoverySeed(decoded(t, v.Input("seed"))).Backup()
	if got := hex.EncodeToString(key[:]); got != v.Input("key") {
		t.Errorf("the key is %s", got)
	}
	if got := key.Identity().String(); got != v.Input("identity") || got != key.AgeIdentity() {
		t.Errorf("the identity is %s", got)
	}
	writer, err := ParseBackupWriter(v.Data)
	if err != nil || writer != key.Writer() || !bytes.Equal(writer.Bytes(), v.Data) {
		t.Errorf("the writer is %x, %v", key.Writer().Bytes(), err)
	}
	if got := writer.Catalogue().String(); got != v.Input("catalogue") {
		t.Errorf("the catalogue's identity is %s", got)
	}
	if mark := writer.Mark(); hex.EncodeToString(mark[:]) != v.Input("mark") {
		t.Errorf("the mark is %x", mark)
	}
}
