package web

import (
	"strings"

	"muster.example/node/api"
)

// New recovery words are shown and checked before they count: who gives up on the way, or whose browser ends, has the old
// words still. They are in memory alone, from when they are made until they count or are dropped.
func renewalRoutes() []route {
	return []route{
		{"GET /o/{org}/devices/words", renewal},
		{"POST /o/{org}/devices/words", renew},
		{"GET /o/{org}/devices/words/check", renewalCheck},
		{"POST /o/{org}/devices/words/check", checkRenewal},
	}
}

// Renewal reports whether there are new words that do not count yet.
func (v *visit) Renewal() bool {
	_, pending := v.server.renewed.of(v.Org.Org)
	return pending
}

// Others are the person's other organizations, in which words that are replaced here go on to count.
func (v *visit) Others() (others []api.OrgSummary) {
	for _, one := range v.Orgs {
		if one.Org != v.Org.Org {
			others = append(others, one)
		}
	}
	return others
}

// renewal shows how far the replacing of the words is.
func renewal(v *visit) (answer, error) {
	one, pending := v.server.renewed.of(v.Org.Org)
	switch {
	case !pending:
		return show("renew", "renew.title", nil)
	case !one.Written || v.query("show") != "":
		return v.renewalPage("slip", one, false)
	default:
		return show("renew-sign", "renew.title", nil)
	}
}

func (v *visit) renewalPage(template string, one slip, wrong bool) (answer, error) {
	page := slipScreen{slip: one, Wrong: wrong, Show: v.In("devices", "words") + "?show=1", Check: v.In("devices", "words", "check")}
	return show(template, "slip.renewal", page)
}

// renew makes new words, has them count, or drops them.
func renew(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	one, pending := v.server.renewed.of(v.Org.Org)
	switch do := f.text("do"); {
	case do == "make" && !pending:
		made, err := v.backend().MakeWords(v.ctx(), api.WordsRequest{})
		if err != nil {
			return answer{}, err
		}
		v.server.renewed.add(slip{Kind: slipRenewal, Org: v.Org.Org, OrgName: v.Org.Name, Words: made.RecoveryWords, After: v.In("devices")})
		return goOn(v.In("devices", "words"), "")
	case do == "make":
		return goOn(v.In("devices", "words"), "")
	case do == "drop":
		v.server.renewed.drop(one.ID)
		return goOn(v.In("devices"), "renew.dropped")
	case do != "sign":
		return answer{}, api.Errorf(api.CodeUsage, "there is no such thing to do")
	case !pending || !one.Written:
		return answer{}, api.Errorf(api.CodeNotFound, "there are no new words that were written down: Muster may have been started anew since").
			WithHint("nothing was changed, and the old words count; make new ones")
	}
	request := api.RecoverRequest{Org: v.Org.Org, Words: f.text("words"), NewWords: strings.Join(one.Words, " ")}
	if _, err := v.backend().Recover(v.ctx(), request); err != nil {
		return v.again(err, renewal)
	}
	v.server.renewed.drop(one.ID)
	return goOn(v.In("devices", "card"), "renew.done")
}

// renewalCheck asks for some of the new words.
func renewalCheck(v *visit) (answer, error) {
	one, pending := v.server.renewed.of(v.Org.Org)
	if !pending {
		return show("renew", "renew.title", nil)
	}
	v.server.renewed.ask(one.ID)
	one, _ = v.server.renewed.of(v.Org.Org)
	return v.renewalPage("slip-check", one, false)
}

// checkRenewal leads to where the new words are signed, once they were written down.
func checkRenewal(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	id := f.text("slip")
	right, known := v.server.renewed.judge(id, v.r.PostForm["word"])
	switch {
	case !known:
		return goOn(v.In("devices", "words"), "")
	case right:
		v.server.renewed.write(id)
		return goOn(v.In("devices", "words"), "renew.right")
	}
	v.server.renewed.ask(id)
	one, _ := v.server.renewed.of(v.Org.Org)
	return v.renewalPage("slip-check", one, true)
}
