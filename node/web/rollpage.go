package web

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"muster.example/node/api"
)

// rollEntries is how many entries a page of the roll has.
const rollEntries = 100

// rollScreen is a page of the roll as a log.
type rollScreen struct {
	Entries      []api.RollEntry
	Size         int
	First, Last  uint64 // indices on this page
	OldestFirst  bool
	Newer, Older string // addresses, empty at the ends
}

func rollPage(v *visit) (answer, error) {
	s := rollScreen{OldestFirst: v.query("order") == "oldest"}
	from, err := strconv.ParseUint(v.query("from"), 10, 64)
	if named := err == nil; !named {
		from = 0
		if !s.OldestFirst { // the newest page
			from = v.Org.RollSize - min(v.Org.RollSize, rollEntries)
		}
	}
	limit, err := strconv.Atoi(v.query("count"))
	if err != nil || limit <= 0 || limit > rollEntries {
		limit = rollEntries
	}
	page, err := v.backend().Roll(v.ctx(), api.RollQuery{Org: v.Org.Org, From: from, Limit: limit})
	if err != nil {
		return answer{}, err
	}
	s.Entries, s.Size = page.Entries, int(page.Size)
	if n := len(s.Entries); n > 0 {
		s.First, s.Last = s.Entries[0].Index, s.Entries[n-1].Index
		if s.Last+1 < page.Size {
			s.Newer = s.address(v, s.Last+1, rollEntries)
		}
	}
	if from > 0 {
		count := min(from, rollEntries) // the oldest page is a short one, so that no entry is on two
		s.Older = s.address(v, from-count, count)
	}
	if !s.OldestFirst {
		turned := make([]api.RollEntry, 0, len(s.Entries))
		for i := range s.Entries {
			turned = append(turned, s.Entries[len(s.Entries)-1-i])
		}
		s.Entries = turned
	}
	return show("roll", "admin.roll", s)
}

func (s rollScreen) address(v *visit, from, count uint64) string {
	order := "newest"
	if s.OldestFirst {
		order = "oldest"
	}
	return fmt.Sprintf("%s?order=%s&from=%d&count=%d", v.In("admin", "roll"), order, from, count)
}

// exportRoll answers with the roll as a file, for anybody to fold again.
func exportRoll(v *visit) (answer, error) {
	size, file, err := v.backend().ExportRoll(v.ctx(), api.RollQuery{Org: v.Org.Org})
	if err != nil {
		return answer{}, err
	}
	return answer{write: func(w http.ResponseWriter) {
		defer file.Close()
		header := w.Header()
		header.Set("Content-Type", "application/octet-stream")
		header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		header.Set("Content-Disposition", disposition("roll-"+v.Org.Org[:min(len(v.Org.Org), 8)]+".cbor"))
		header.Set("Content-Length", strconv.FormatInt(size, 10))
		if _, err := io.CopyN(&paced{w, http.NewResponseController(w)}, file, size); err != nil {
			panic(http.ErrAbortHandler) // cut, so that the browser sees that it is not whole
		}
	}}, nil
}
