// Package terminal prints text of other people so that a terminal shows it and does nothing else with it.
//
// It owns what may reach a terminal: Printf, Println and Table print every value as Plain does, unless the caller says by
// a Text that it was made safe in another way. So what is forgotten is shown too plainly, never too freely. It must not know
// what is printed, nor for whom. internal/repotest keeps the programs from printing past it.
//
// There are three ways to show text:
//
//   - Plain, and PlainLines: for whatever somebody unknown can have written, and for every name. Nothing that a terminal
//     makes a link of is left: "https[:]//example[.]org".
//   - Line, and Lines: for messages of those whom the reader lets write, and for what a person copies from the screen: a
//     path, an invitation. Links stay as text.
//   - Diagnosis: for errors, which mix the program's words with others'. As Plain, but paths of local files stay whole.
//
// In none of them a control, escape, bidirectional or invisible character gets through, and none stacks marks without end:
// these are shown as "\u{1b}". What is shown is for people. Programs use --json (JSON), which holds the exact text.
package terminal
