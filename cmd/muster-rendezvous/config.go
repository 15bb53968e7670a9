package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"muster.example/internal/terminal"
)

// The configuration file is TOML. Its keys are the flags of run, by the same names, and nothing else: what is true of a
// flag is true of its key.

const (
	configName = "config" // in the node's folder
	maxConfig  = 64 << 10
)

// Where a setting comes from.
const (
	fromDefault     = "default"
	fromFile        = "file"
	fromFlag        = "flag"
	fromEnvironment = "environment"
)

// settings are the flags of run, and where the value of each comes from.
type settings struct {
	flags []*pflag.Flag
	from  map[string]string
}

// readSettings sets the flags that a file names and the command line does not: the file of --config, else the one in the
// node's folder if there is one.
func readSettings(c *cobra.Command) (settings, error) {
	s := settings{from: make(map[string]string)}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if slices.Contains([]string{"config", "print-config", "json", "help"}, f.Name) {
			return
		}
		s.flags = append(s.flags, f)
		s.from[f.Name] = fromDefault
		if f.Changed {
			s.from[f.Name] = fromFlag
		}
	})
	if s.from["dir"] == fromDefault && os.Getenv("MUSTER_DIR") != "" {
		s.from["dir"] = fromEnvironment
	}
	path, err := c.Flags().GetString("config")
	if err != nil {
		return s, err
	}
	if path != "" {
		return s, s.read(path)
	}
	dir, err := folder(c)
	if err != nil {
		return s, err
	}
	path = filepath.Join(dir, configName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	s.flags = slices.DeleteFunc(s.flags, func(f *pflag.Flag) bool { return f.Name == "dir" }) // it lies in that folder
	return s, s.read(path)
}

// read takes one file. A mistake in it is one of usage: it stays wrong however often the node is started.
func (s *settings) read(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return usageError{fmt.Errorf("reading the configuration: %w", err)}
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	if len(text) > maxConfig {
		return usageError{fmt.Errorf("%s has more than %d bytes: that is no configuration", path, maxConfig)}
	}
	values, err := s.parse(path, text)
	if err != nil {
		return usageError{err}
	}
	for i, f := range s.flags {
		if values[i].IsNil() || s.from[f.Name] != fromDefault {
			continue
		}
		if err := setFlag(f, values[i].Elem()); err != nil {
			return usageError{fmt.Errorf("%s: %s: %w", path, f.Name, err)}
		}
		s.from[f.Name] = fromFile
	}
	return nil
}

// parse decodes a file into one pointer a flag, nil for those that it does not name.
func (s *settings) parse(path string, text []byte) (values []reflect.Value, err error) {
	var fields []reflect.StructField
	for i, f := range s.flags {
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprintf("F%d", i), Type: reflect.PointerTo(typeOf(f)), Tag: reflect.StructTag(fmt.Sprintf("toml:%q", f.Name)),
		})
	}
	target := reflect.New(reflect.StructOf(fields))
	err = toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(target.Interface())
	if unknown, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		first := unknown.Errors[0]
		row, _ := first.Position()
		key := strings.Join(first.Key(), ".")
		return nil, fmt.Errorf("%s, line %d: there is no setting %q%s", path, row, key, s.nearest(key))
	}
	if wrong, ok := errors.AsType[*toml.DecodeError](err); ok {
		row, _ := wrong.Position()
		return nil, fmt.Errorf("%s, line %d: %s", path, row, strings.TrimPrefix(wrong.Error(), "toml: "))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i := range s.flags {
		values = append(values, target.Elem().Field(i))
	}
	return values, nil
}

// typeOf returns what a flag's value is in a file.
func typeOf(f *pflag.Flag) reflect.Type {
	switch f.Value.Type() {
	case "bool":
		return reflect.TypeFor[bool]()
	case "int", "int64", "uint", "uint64":
		return reflect.TypeFor[int64]()
	case "float64":
		return reflect.TypeFor[float64]()
	case "stringArray", "stringSlice":
		return reflect.TypeFor[[]string]()
	}
	return reflect.TypeFor[string]()
}

func setFlag(f *pflag.Flag, value reflect.Value) error {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return list.Replace(value.Interface().([]string))
	}
	return f.Value.Set(fmt.Sprint(value.Interface()))
}

// nearest names the setting that somebody may have meant.
func (s *settings) nearest(key string) string {
	best, least := "", 4 // beyond three changes it is another word
	for _, f := range s.flags {
		if d := distance(strings.ToLower(key), f.Name); d < least {
			best, least = f.Name, d
		}
	}
	if best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	var names []string
	for _, f := range s.flags {
		names = append(names, f.Name)
	}
	return ", only " + strings.Join(names, ", ")
}

// distance counts the letters to change, add or take away to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}

// print writes what holds as a file that says the same.
func (s *settings) print(c *cobra.Command, dir string) error {
	type setting struct {
		Value any    `json:"value"`
		From  string `json:"from"`
	}
	all := make(map[string]setting)
	w := c.OutOrStdout()
	for _, f := range s.flags {
		value := valueOf(f)
		if f.Name == "dir" {
			value = dir
		}
		all[f.Name] = setting{value, s.from[f.Name]}
		line, err := toml.Marshal(map[string]any{f.Name: value})
		if err != nil {
			return fmt.Errorf("writing the configuration: %w", err)
		}
		if !wantsJSON(c) {
			terminal.Printf(w, "# %s\n%s\n", s.from[f.Name], terminal.Lines(strings.TrimSuffix(string(line), "\n"), ""))
		}
	}
	if wantsJSON(c) {
		return terminal.JSON(w, all)
	}
	return nil
}

// valueOf returns a flag's value as a file has it.
func valueOf(f *pflag.Flag) any {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return append([]string{}, list.GetSlice()...)
	}
	text := f.Value.String()
	switch typeOf(f).Kind() {
	case reflect.Bool:
		return text == "true"
	case reflect.Int64:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case reflect.Float64:
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n
		}
	}
	return text
}
