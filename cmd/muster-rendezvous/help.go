package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
)

// printPage prints what --help shows: the program's own text for the program, a manual page for a command.
func printPage(c *cobra.Command, _ []string) {
	w := c.OutOrStdout()
	if !c.HasParent() {
		terminal.Printf(w, "%s\n\n%s\n", terminal.Lines(c.Long, ""), terminal.Lines(c.LocalFlags().FlagUsages(), ""))
		return
	}
	section(w, "NAME", c.CommandPath()+" - "+c.Short)
	section(w, "SYNOPSIS", c.CommandPath()+strings.TrimPrefix(c.Use, c.Name())+" [OPTION]...")
	section(w, "DESCRIPTION", c.Long)
	section(w, "OPTIONS", dedent(c.LocalNonPersistentFlags().FlagUsages()))
	section(w, "OPTIONS OF EVERY COMMAND", dedent(c.InheritedFlags().FlagUsages()))
	section(w, "EXIT STATUS", exitText)
	section(w, "EXAMPLES", c.Example)
}

const exitText = `0    done
1    failed
2    the command line is wrong
3    no node is running for the folder`

// section prints one part of a page, indented, unless it is empty.
func section(w io.Writer, title, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	terminal.Println(w, title)
	for line := range strings.Lines(strings.Trim(text, "\n") + "\n") {
		if line = strings.TrimRight(line, "\n"); line != "" {
			line = "    " + line
		}
		terminal.Println(w, terminal.Line(line))
	}
	terminal.Println(w)
}

// dedent takes away what pflag indents by.
func dedent(text string) string {
	return strings.TrimPrefix(strings.ReplaceAll(text, "\n  ", "\n"), "  ")
}
