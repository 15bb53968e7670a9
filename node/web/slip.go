package web

import (
	"crypto/rand"
	"math/big"
	"slices"
	"strings"
	"sync"

	"muster.example/node/api"
)

// The words that a slip can hold.
const (
	slipRecovery = "recovery" // of the person
	slipRoot     = "root"     // of an organization
	slipRenewal  = "renewal"  // that are to replace the person's, and count for nothing yet
)

// askedWords is how many words of a slip a person is asked for.
const askedWords = 3

// slip is words that a person is to write down, until that is checked. It is in memory alone.
type slip struct {
	ID      string // random: which one a form is about
	Kind    string
	OrgName string
	Card    string
	Words   []string
	After   string // where to go on
	Asked   []int  // numbers of words, from 1, in their order; nil until the check began
	Org     string // of a renewal: where the words are to count
	Written bool   // of a renewal: the check was passed
}

// slips are those that were not checked yet, in the order in which they are shown. The zero value has none.
type slips struct {
	mu  sync.Mutex // guards the following
	all []slip
}

// add puts a slip behind the others, unless it has no words.
func (s *slips) add(new slip) {
	if len(new.Words) == 0 {
		return
	}
	new.ID = rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, new)
}

// first returns the slip to show, and how many there are.
func (s *slips) first() (slip, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return slip{}, 0
	}
	return s.all[0], len(s.all)
}

// ask draws new words to ask for.
func (s *slips) ask(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.find(id); at >= 0 {
		s.all[at].Asked = draw(len(s.all[at].Words))
	}
}

// judge compares what was typed with the words that were asked for.
func (s *slips) judge(id string, typed []string) (right, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.find(id)
	if at < 0 || s.all[at].Asked == nil {
		return false, false
	}
	for i, number := range s.all[at].Asked {
		if i >= len(typed) || !strings.EqualFold(strings.TrimSpace(typed[i]), s.all[at].Words[number-1]) {
			return false, true
		}
	}
	return true, true
}

// drop forgets a slip, and returns where to go on.
func (s *slips) drop(id string) (after string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.find(id)
	if at < 0 {
		return "/"
	}
	after = s.all[at].After
	clear(s.all[at].Words)
	s.all = slices.Delete(s.all, at, at+1)
	return after
}

// find returns the place of a slip, -1 if there is none. Callers hold mu.
func (s *slips) find(id string) int {
	return slices.IndexFunc(s.all, func(one slip) bool { return one.ID == id })
}

// of returns the renewal of an organization.
func (s *slips) of(org string) (slip, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.all, func(one slip) bool { return one.Org == org })
	if at < 0 {
		return slip{}, false
	}
	one := s.all[at]
	one.Words = slices.Clone(one.Words) // another request may forget them
	return one, true
}

// write notes that a renewal's words are on paper.
func (s *slips) write(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.find(id); at >= 0 {
		s.all[at].Written = true
	}
}

// draw returns some numbers from 1 to n, in their order.
func draw(n int) (numbers []int) {
	for len(numbers) < min(askedWords, n) {
		random, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
		if err != nil {
			return numbers
		}
		if number := int(random.Int64()) + 1; !slices.Contains(numbers, number) {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers
}

func slipRoutes() []route {
	return []route{
		{"GET /welcome/words", showSlip},
		{"GET /welcome/check", showCheck},
		{"POST /welcome/check", check},
		{"POST /welcome/words/done", dropSlip},
	}
}

// slipScreen is a slip and what a person is told beside it.
type slipScreen struct {
	slip
	More  int // slips behind it
	Wrong bool
	// Show and Check are the addresses of the words and of their check; Skip is where the check is left out, empty if it is not.
	Show, Check, Skip string
}

// showSlip shows words until they were checked: who wrote one down wrongly must be able to look again.
func showSlip(v *visit) (answer, error) { return slipPage(v, "slip", false) }

func slipPage(v *visit, template string, wrong bool) (answer, error) {
	one, all := v.server.slips.first()
	if all == 0 {
		return show("no-slip", "slip.gone", nil)
	}
	return show(template, "slip."+one.Kind, slipScreen{
		slip: one, More: all - 1, Wrong: wrong, Show: "/welcome/words", Check: "/welcome/check", Skip: "/welcome/words/done",
	})
}

// showCheck asks for some of the words. A page that is fetched anew since something happened asks for the same ones: a person is
// typing them.
func showCheck(v *visit) (answer, error) {
	one, _ := v.server.slips.first()
	if one.Asked == nil || v.r.Header.Get("Muster-Live") == "" {
		v.server.slips.ask(one.ID)
	}
	return slipPage(v, "slip-check", false)
}

// check forgets the words if they were written down; else it asks for others of them.
func check(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	id := f.text("slip")
	right, known := v.server.slips.judge(id, v.r.PostForm["word"])
	switch {
	case !known:
		return answer{}, api.Errorf(api.CodeNotFound, "these words were checked already, or Muster was started anew since")
	case right:
		return goOn(v.afterSlip(id), "slip.right")
	}
	v.server.slips.ask(id)
	return slipPage(v, "slip-check", true)
}

func dropSlip(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	return goOn(v.afterSlip(f.text("slip")), "")
}

// afterSlip forgets a slip and returns the next one's address, or where the last one leads.
func (v *visit) afterSlip(id string) string {
	after := v.server.slips.drop(id)
	if v.Slips() {
		return "/welcome/words"
	}
	return after
}

// Slips reports whether there are words to write down.
func (v *visit) Slips() bool {
	if v.server.backend == nil {
		return false
	}
	_, all := v.server.slips.first()
	return all > 0
}
