package service

import (
	"fmt"
	"strings"
	"text/template"
)

// unit is the user unit. It has the limits that the manager of a user can set: those that hide folders need user namespaces,
// which many systems deny. The link that start prints to stdout lets whoever reads it in, so that it goes nowhere; the log goes
// to the journal. A wrong command line (2) stays wrong: it is not tried again.
var unit = template.Must(template.New("unit").Parse(`[Unit]
Description=Muster, a members-only messenger: this device's node
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=simple
ExecStart={{.}}
StandardInput=null
StandardOutput=null
StandardError=journal
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2
TimeoutStopSec=20
UMask=0077
LimitCORE=0
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=default.target
`))

// SystemdUnit returns the user unit. systemd starts no program whose path has a quote or a backslash: that is refused with
// ErrPath.
func SystemdUnit(s Spec) (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	if strings.ContainsAny(s.Program, `"'\`) {
		return "", fmt.Errorf("%w: %q holds a quote or a backslash", ErrPath, s.Program)
	}
	// The colon says that a dollar sign stands for itself.
	line := ":" + systemdQuote(s.Program)
	for _, argument := range s.arguments() {
		line += " " + systemdQuote(argument)
	}
	return render(unit, line)
}

// systemdQuote writes one argument as systemd.service(5) reads it.
func systemdQuote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`).Replace(text) + `"`
}

func render(t *template.Template, data any) (string, error) {
	var b strings.Builder
	err := t.Execute(&b, data)
	return b.String(), err
}
