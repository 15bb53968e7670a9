package repotest

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	module = "muster.example"
	root   = "../.."
)

// file is one file of the repository.
type file struct {
	path string // with slashes, from the top of the repository
	data []byte
	ast  *ast.File // of a Go file
}

func (f *file) isGo() bool   { return strings.HasSuffix(f.path, ".go") }
func (f *file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// in reports whether the file lies in a directory of the repository or below it.
func (f *file) in(dir string) bool { return strings.HasPrefix(f.path, dir+"/") }

var fileSet = token.NewFileSet()

// files reads the whole repository once, but for what git ignores.
var files = sync.OnceValues(func() ([]*file, error) {
	var all []*file
	skipped := []string{".git", "bin", "dist", ".bench", ".cluster"}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		switch {
		case entry.IsDir() && slices.Contains(skipped, relative):
			return filepath.SkipDir
		case slices.Contains(skipped, relative): // .git is a file in a second work tree
			return nil
		case !entry.Type().IsRegular() || path.Ext(relative) == ".test" || path.Ext(relative) == ".out":
			return nil
		}
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // an editor's file that came and went
		}
		f := &file{path: relative, data: data}
		if err == nil && f.isGo() {
			f.ast, err = parser.ParseFile(fileSet, relative, data, parser.ParseComments|parser.SkipObjectResolution)
		}
		all = append(all, f)
		return err
	})
	return all, err
})

// each calls check for every file that matches.
func each(t *testing.T, match func(*file) bool, check func(*file)) {
	t.Helper()
	all, err := files()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, f := range all {
		if match(f) {
			found++
			check(f)
		}
	}
	if found == 0 {
		t.Fatal("the rule looked at no file")
	}
}

func anyGo(f *file) bool     { return f.isGo() }
func programGo(f *file) bool { return f.isGo() && !f.isTest() }

// imports returns what a Go file imports.
func (f *file) imports() (paths []string) {
	for _, spec := range f.ast.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, `"`))
	}
	return paths
}

// where is the place of a node for a message.
func where(node ast.Node) string { return fileSet.Position(node.Pos()).String() }

// calls calls visit for every call of a function chosen from a package or value: x.name(…).
func (f *file) calls(visit func(call *ast.CallExpr, x, name string)) {
	ast.Inspect(f.ast, func(node ast.Node) bool {
		if call, ok := node.(*ast.CallExpr); ok {
			if selector, ok := call.Fun.(*ast.SelectorExpr); ok {
				x, _ := selector.X.(*ast.Ident)
				name := ""
				if x != nil {
					name = x.Name
				}
				visit(call, name, selector.Sel.Name)
			}
		}
		return true
	})
}

// goPackage is what go list tells of a package.
type goPackage struct {
	ImportPath string
	Name       string
	Imports    []string
	Standard   bool
	Module     *struct{ Path string }
}

// list runs go list with -json.
func list(t *testing.T, arguments ...string) []goPackage {
	t.Helper()
	command := exec.Command("go", append([]string{"list", "-e", "-json=ImportPath,Name,Imports,Standard,Module"}, arguments...)...)
	command.Dir = root
	output, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
