package web

import (
	"slices"

	"muster.example/node/api"
)

// again shows a screen once more because what was filled in there was refused: with the refusal and with what was typed.
// The screen's handler is called as for a GET. A form therefore posts to the address of its own page, so that this page can
// be fetched anew.
func (v *visit) again(refusal error, screen func(*visit) (answer, error)) (answer, error) {
	v.Refusal = api.AsError(refusal)
	a, err := screen(v)
	if err != nil {
		return answer{}, refusal
	}
	a.status = statusOf(v.Refusal.Code)
	return a, nil
}

// Typed returns what was typed into a field that was refused, or else what the field holds at first.
func (v *visit) Typed(name, first string) string {
	if v.Refusal == nil || !v.r.PostForm.Has(name) {
		return first
	}
	return v.r.PostForm.Get(name)
}

// Chosen reports whether a value of a box or a list was chosen in a form that was refused, or else whether it is so at
// first.
func (v *visit) Chosen(name, value string, first bool) bool {
	if v.Refusal == nil {
		return first
	}
	return slices.Contains(v.r.PostForm[name], value)
}
