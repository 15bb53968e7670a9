package filename_test

import (
	"testing"

	"muster.example/internal/filename"
)

func TestCanAct(t *testing.T) {
	for _, name := range []string{
		"a.exe", "a.EXE", "a.pdf.exe", "a.exe.", "a.exe ", "a.exe\u200b", "a.exe\u202e", "a\u202efdp.exe", "picture.svg", "page.html", "a.ps1", "x.LNK",
		"invoice.pdf                                        .scr", "a.desktop", "macro.docm",
	} {
		if !filename.CanAct(name) {
			t.Errorf("%q is not marked", name)
		}
	}
	for _, name := range []string{"a.pdf", "exe", "a.exe.txt", "", "a.png", "notes", ".exe", "a exe"} {
		if filename.CanAct(name) {
			t.Errorf("%q is marked as what can act", name)
		}
	}
}
