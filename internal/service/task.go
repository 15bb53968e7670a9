package service

import (
	"encoding/binary"
	"strings"
	"text/template"
	"unicode/utf16"
)

// TaskName is the task's name to Windows.
const TaskName = "Muster"

// task starts with the log-on of one person, with no more rights than theirs, on battery too, and without an end.
var task = template.Must(template.New("task").Funcs(template.FuncMap{"xml": xmlText}).Parse(`<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Muster, a members-only messenger: this device's node</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <UserId>{{xml .User}}</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{{xml .User}}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>true</StartWhenAvailable>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <Hidden>true</Hidden>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>5</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{{xml .Program}}</Command>
      <Arguments>{{xml .Line}}</Arguments>
    </Exec>
  </Actions>
</Task>
`))

// WindowsTask returns the task's XML. The task scheduler puts variables in place of %NAME% and $(NAME) and has no way to say
// that these stand for themselves: a path that holds one is refused with ErrPath.
func WindowsTask(s Spec) (string, error) {
	if err := s.check("%", "$("); err != nil {
		return "", err
	}
	var line []string
	for _, argument := range s.arguments() {
		line = append(line, windowsQuote(argument))
	}
	return render(task, struct{ User, Program, Line string }{s.User, s.Program, strings.Join(line, " ")})
}

// windowsQuote writes one argument as CommandLineToArgvW reads it: backslashes before a quote are doubled, others are not.
func windowsQuote(text string) string {
	if text != "" && !strings.ContainsAny(text, " \t\"") {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for _, r := range text {
		switch r {
		case '\\':
			slashes++
			continue
		case '"':
			slashes = 2*slashes + 1
		}
		b.WriteString(strings.Repeat(`\`, slashes))
		slashes = 0
		b.WriteRune(r)
	}
	b.WriteString(strings.Repeat(`\`, 2*slashes))
	b.WriteByte('"')
	return b.String()
}

// utf16Bytes returns text as schtasks reads a file: little-endian, with a byte order mark, lines ended as on Windows.
func utf16Bytes(text string) []byte {
	data := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(strings.ReplaceAll(text, "\n", "\r\n"))) {
		data = binary.LittleEndian.AppendUint16(data, unit)
	}
	return data
}
