package mail

import (
	"crypto/sha256"
	"regexp"
	"strings"
	"time"
)

// Mail is what one mail says. Every text is valid UTF-8, and those but Text are one line; nothing of it is proven.
type Mail struct {
	ID         string   // without brackets; empty: it has none
	References []string // ids of the mails before it, the first of the thread first
	From       string   // as its header has it, to be shown as text
	To, Cc     string
	Subject    string
	Date       time.Time // as it says; zero: it says nothing that can be read
	Labels     []string  // of Gmail
	Text       string    // lines end with LF
	Files      []File
	Whole      bool     // not all of it could be read: keep the mail itself, too
	Hash       [32]byte // SHA-256 of its bytes
}

// Parse reads one mail. Errors are those of what cannot be taken at all; whatever else is wrong, it returns what can be read. The mail
// refers to data.
func Parse(data []byte) (Mail, error) {
	if len(data) > MaxMail {
		return Mail{}, ErrLarge
	}
	head, body := split(data)
	if len(head) > MaxHeader {
		return Mail{}, ErrHeader
	}
	h := parseHeader(head)
	if len(h["From"])+len(h["Date"])+len(h["Subject"])+len(h["Message-Id"])+len(h["Received"])+len(h["To"]) == 0 {
		return Mail{}, ErrNoMail
	}
	m := Mail{
		From: h.text("From"), To: h.text("To"), Cc: h.text("Cc"), Subject: h.text("Subject"), Date: h.date(), Labels: h.labels(),
		Hash: sha256.Sum256(data),
	}
	if all := h.ids("Message-ID"); len(all) > 0 {
		m.ID = all[0]
	}
	m.References = h.ids("References")
	if all := h.ids("In-Reply-To"); len(all) > 0 {
		m.References = append(m.References, all[0])
	}
	var r reading
	var texts []string
	for _, t := range r.part(h, body, 0) {
		if len(texts) == 0 || strings.TrimSpace(t.text) != "" {
			texts = append(texts, t.text)
		}
	}
	m.Text, m.Files, m.Whole = strings.Join(texts, "\n\n"), r.files, r.whole
	return m, nil
}

// answerMark is what mail programs put before the subject of an answer.
var answerMark = regexp.MustCompile(`(?i)^(?:re|aw|wg|fwd?|sv|antw)(?:\[\d+\])?\s*:\s*`)

// Topic returns the subject without what marks an answer, and whether something did.
func (m Mail) Topic() (topic string, answer bool) {
	topic = m.Subject
	for {
		rest := answerMark.ReplaceAllString(topic, "")
		if rest == topic {
			return strings.ToLower(topic), answer
		}
		topic, answer = rest, true
	}
}
