package web

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"muster.example/node/api"
)

// openMinutes are for how long a message can be opened.
var openMinutes = []int{1, 5, 15, 60}

// OpenMinutes are for how long a message can be opened, for templates.
func (v *visit) OpenMinutes() []int { return openMinutes }

// openMessage opens a locked message for some minutes, and leads to the page that shows it.
func openMessage(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	minutes, err := strconv.Atoi(f.text("minutes"))
	if err != nil || minutes < 1 || minutes > api.MaxOpen/60 {
		return answer{}, api.Errorf(api.CodeUsage, "there is no such choice")
	}
	request := api.OpenRequest{Org: v.Org.Org, ID: v.path("id"), Passphrase: f.r.PostForm.Get("passphrase"), For: minutes * 60}
	if _, err := v.backend().Open(v.ctx(), request); err != nil {
		return v.again(err, message)
	}
	return goOn(v.In("m", v.path("id"), "opened"), "")
}

// openedScreen is what a message says that is open.
type openedScreen struct {
	api.Opened
	Back string // where it is shown as locked
	Left int    // seconds until it is locked again
}

// opened shows a message that is open. The browser keeps no copy, and leaves the page when the time is over, also without a script.
func opened(v *visit) (answer, error) {
	back := v.In("m", v.path("id"))
	o, err := v.backend().Opened(v.ctx(), api.OpenedQuery{Org: v.Org.Org, ID: v.path("id")})
	if known := api.AsError(err); err != nil && known.Reason == "lock-closed" {
		return goOn(back, "lock.closed")
	} else if err != nil {
		return answer{}, err
	}
	left := max(int(time.Until(o.Until)/time.Second), 0)
	return answer{
		screen: screen{Template: "opened", Title: "lock.opened", Data: openedScreen{o, back, left}},
		header: http.Header{"Refresh": {strconv.Itoa(left+1) + "; url=" + back + "?notice=lock.closed"}, "Cache-Control": {"no-store"}},
	}, nil
}

// closeMessage locks a message again.
func closeMessage(v *visit) (answer, error) {
	if _, err := v.backend().CloseOpened(v.ctx(), api.CloseRequest{Org: v.Org.Org, ID: v.path("id")}); err != nil {
		return answer{}, err
	}
	return goOn(v.In("m", v.path("id")), "lock.closed")
}

// downloadOpened answers with an opened file, to be saved. Its length is not known before its end: one that is damaged is cut off.
func downloadOpened(v *visit) (answer, error) {
	index, err := strconv.Atoi(v.path("index"))
	if err != nil {
		return notFound(v)
	}
	file, content, err := v.backend().OpenedAttachment(v.ctx(), v.path("id"), index)
	if err != nil {
		return answer{}, err
	}
	return answer{write: func(w http.ResponseWriter) {
		defer content.Close()
		header := w.Header()
		header.Set("Content-Type", "application/octet-stream")
		header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Disposition", disposition(file.Name))
		if _, err := io.Copy(&paced{w, http.NewResponseController(w)}, content); err != nil {
			panic(http.ErrAbortHandler) // cut, so that the browser sees that it is not whole
		}
	}}, nil
}
