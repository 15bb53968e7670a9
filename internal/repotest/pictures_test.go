package repotest

import (
	"bytes"
	"image/png"
	"path"
	"regexp"
	"strings"
	"testing"
)

// maxPictures is how many bytes the pictures of the tour may have together: who clones the repository gets every version.
const maxPictures = 1_500_000

var shownPicture = regexp.MustCompile(`!\[([^\]]*)\]\(pictures/([a-z]+\.png)\)`)

// The tour shows the pictures that are there, each with what is on it in words, and there are no others; together they are small.
func TestPicturesOfTheTour(t *testing.T) {
	shown := make(map[string]int)
	each(t, func(f *file) bool { return f.path == "docs/tour.md" }, func(f *file) {
		for _, match := range shownPicture.FindAllSubmatch(f.data, -1) {
			if len(match[1]) < 20 {
				t.Errorf("docs/tour.md does not say what is on %s", match[2])
			}
			shown[string(match[2])]++
		}
		if all := strings.Count(string(f.data), "!["); all != len(shown) {
			t.Errorf("docs/tour.md shows %d pictures, of which %d are different ones in docs/pictures", all, len(shown))
		}
	})
	total := 0
	each(t, func(f *file) bool { return f.in("docs/pictures") }, func(f *file) {
		total += len(f.data)
		if shown[path.Base(f.path)] == 0 {
			t.Errorf("docs/tour.md does not show %s", f.path)
		}
		delete(shown, path.Base(f.path))
		if _, err := png.DecodeConfig(bytes.NewReader(f.data)); err != nil {
			t.Errorf("%s: %v", f.path, err)
		}
	})
	for name := range shown {
		t.Errorf("docs/tour.md shows %s, which is not in docs/pictures: `make pictures` takes it", name)
	}
	if total > maxPictures {
		t.Errorf("the pictures of the tour have %d bytes together, want at most %d", total, maxPictures)
	}
}
