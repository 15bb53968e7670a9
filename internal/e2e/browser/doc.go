// Package browser opens the app in a real Chromium, with the programs as they are shipped behind it: what a person sees and
// clicks, on real nodes and a real rendezvous node.
//
// It holds tests only, behind the build tag browser: `make browser` builds what they need. Whatever a page asks of the network,
// says on the console or reports against its policy is watched in all of them, and each page is held against axe-core.
// No test is tried again: what acts on a page waits for the page that it leads to (act_test.go), and what looks waits for what is
// to be seen.
//
// MUSTER_SCREENSHOTS names a folder for pictures of the pages, MUSTER_PICTURES one for those of docs/tour.md.
package browser
