package service

import (
	"strings"
	"text/template"
)

// Label is the agent's name to launchd.
const Label = "example.muster.node"

// agent is the property list. 63 is 077 in octal: launchd reads a number. The login link on stdout goes nowhere; what is
// logged is in the node's folder.
var agent = template.Must(template.New("agent").Funcs(template.FuncMap{"xml": xmlText}).Parse(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + Label + `</string>
	<key>ProgramArguments</key>
	<array>
{{- range .}}
		<string>{{xml .}}</string>
{{- end}}
	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>30</integer>
	<key>ProcessType</key>
	<string>Background</string>
	<key>Umask</key>
	<integer>63</integer>
	<key>HardResourceLimits</key>
	<dict>
		<key>Core</key>
		<integer>0</integer>
	</dict>
	<key>StandardOutPath</key>
	<string>/dev/null</string>
	<key>StandardErrorPath</key>
	<string>/dev/null</string>
</dict>
</plist>
`))

// LaunchdAgent returns the agent's property list.
func LaunchdAgent(s Spec) (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	return render(agent, append([]string{s.Program}, s.arguments()...))
}

// xmlText escapes text between two tags.
func xmlText(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace(text)
}
