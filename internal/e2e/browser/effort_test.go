//go:build browser

package browser

import (
	"fmt"
	"strings"
	"time"
)

// effort is what a person does in a tab, as far as it takes time.
type effort struct {
	pages  int // that came
	read   int // words on them
	clicks int
	fields int // that were typed into
	aimed  int // those that were clicked for it
	keys   int
	copied int // words that were written down by hand
}

// What each thing takes: the keystroke-level model for the hand and the eye on the screen (Card, Moran, Newell: The Psychology of
// Human-Computer Interaction, 1983), with its figures for somebody who is no typist; silent reading (Brysbaert: How many words do
// we read per minute?, 2019); copying by hand (Brown: Human-Computer Interface Design Guidelines, 1988).
const (
	keyTime     = 280 * time.Millisecond  // a key
	pointTime   = 1100 * time.Millisecond // pointing at something
	pressTime   = 200 * time.Millisecond  // pressing and releasing the mouse's button
	homeTime    = 400 * time.Millisecond  // from the mouse to the keys, or back
	thinkTime   = 1350 * time.Millisecond // deciding what to do
	wordsRead   = 238                     // a minute
	wordsCopied = 22                      // a minute
)

// time estimates how long a person needs who has never been there and reads every word.
func (e effort) time() time.Duration {
	clicks := time.Duration(e.clicks) * (thinkTime + pointTime + pressTime)
	fields := time.Duration(e.fields)*thinkTime + time.Duration(e.aimed)*(pointTime+pressTime+2*homeTime) + time.Duration(e.keys)*keyTime
	return clicks + fields + time.Minute*time.Duration(e.read)/wordsRead + time.Minute*time.Duration(e.copied)/wordsCopied
}

func (e effort) String() string {
	byHand := e.time()
	e.copied, e.clicks = 0, e.clicks+e.copied/24 // a sheet is printed by a click
	return fmt.Sprintf("%d pages with %d words to read, %d clicks, %d fields, %d keys: %v with the words written by hand, %v with them printed",
		e.pages, e.read, e.clicks, e.fields, e.keys, byHand.Round(time.Second), e.time().Round(time.Second))
}

// arrived counts the page that has come, without the words that are to be written down. Who is in the inbox has arrived, and
// reads no more.
func (b *tab) arrived() {
	b.t.Helper()
	b.effort.pages++
	text := read[string](b, `(() => {
		if (location.pathname.startsWith('/o/')) return ''
		const main = document.getElementById('main')
		const words = main.querySelector('ol.words')?.innerText ?? ''
		return main.innerText.replace(words, '')
	})()`)
	b.effort.read += len(strings.Fields(text))
}
