package repotest

import (
	"bytes"
	"go/ast"
	"go/format"
	"path"
	"slices"
	"strings"
	"testing"
)

// maxLines is the size at which the good code that we have read begins to become the obvious place for everything.
const maxLines = 500

func TestFilesAreSmall(t *testing.T) {
	each(t, programGo, func(f *file) {
		if lines := bytes.Count(f.data, []byte("\n")); lines > maxLines {
			t.Errorf("%s has %d lines: split it at its nouns, %d are enough", f.path, lines, maxLines)
		}
	})
}

func TestFilesAreFormatted(t *testing.T) {
	each(t, anyGo, func(f *file) {
		if formatted, err := format.Source(f.data); err != nil || !bytes.Equal(formatted, f.data) {
			t.Errorf("%s is not as gofmt has it (%v): make fmt", f.path, err)
		}
	})
}

// A goroutine outside a group has no name, no owner and nobody who waits for it: it outlives its part, and a
// simulation panics over it.
func TestGoroutinesStartInGroups(t *testing.T) {
	each(t, programGo, func(f *file) {
		if f.in("internal/task") || isTestSupport(path.Dir(f.path)) {
			return
		}
		ast.Inspect(f.ast, func(node ast.Node) bool {
			if statement, ok := node.(*ast.GoStmt); ok {
				t.Errorf("%s: a go statement outside internal/task: use task.Group.Go", where(statement))
			}
			return true
		})
		f.calls(func(call *ast.CallExpr, _, name string) {
			if name == "Go" && len(call.Args) == 1 { // task.Group.Go takes a name too
				t.Errorf("%s: a goroutine outside a task.Group", where(call))
			}
		})
	})
}

// A test that sleeps is slow on a fast machine and fails on a slow one. In a bubble time is fake.
func TestNobodySleeps(t *testing.T) {
	each(t, anyGo, func(f *file) {
		imports := f.imports()
		if f.isTest() && (f.in("internal/testnet") || f.in("internal/e2e/sim") || slices.Contains(imports, "testing/synctest") ||
			slices.Contains(imports, module+"/internal/testnet")) {
			return
		}
		f.calls(func(call *ast.CallExpr, x, name string) {
			if x == "time" && name == "Sleep" {
				t.Errorf("%s: time.Sleep outside a bubble: wait for what must happen, or for the context", where(call))
			}
		})
	})
}

// A context in a struct hides whose life it is, so the few that must be there say so in a comment on their line.
func TestContextsAreArguments(t *testing.T) {
	each(t, programGo, func(f *file) {
		if f.in("internal/task") {
			return // a group is the life of its goroutines
		}
		ast.Inspect(f.ast, func(node ast.Node) bool {
			structure, ok := node.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range structure.Fields.List {
				if selector, ok := field.Type.(*ast.SelectorExpr); ok && field.Comment == nil && selector.Sel.Name == "Context" {
					if x, ok := selector.X.(*ast.Ident); ok && x.Name == "context" {
						t.Errorf("%s: a context in a struct: pass it as the first argument", where(field))
					}
				}
			}
			return true
		})
	})
}

// One place tells what a package owns and what it must not know, and it is where the reader begins.
func TestEachPackageHasOneDocComment(t *testing.T) {
	docs, names := make(map[string][]string), make(map[string]string)
	each(t, programGo, func(f *file) {
		dir := path.Dir(f.path)
		names[dir] = f.ast.Name.Name
		if f.ast.Doc == nil {
			return
		}
		docs[dir] = append(docs[dir], f.path)
		want := "Package " + f.ast.Name.Name + " "
		if f.ast.Name.Name == "main" {
			want = "Command " + path.Base(dir) + " "
		}
		if !strings.HasPrefix(f.ast.Doc.Text(), want) {
			t.Errorf("%s: the package comment does not begin %q", f.path, want)
		}
	})
	for dir := range names {
		if len(docs[dir]) != 1 {
			t.Errorf("%s has %d package comments: %v", dir, len(docs[dir]), docs[dir])
		}
	}
}

// What others use is explained where it is declared: shapes, units, limits, errors, ownership.
func TestExportedNamesAreDocumented(t *testing.T) {
	each(t, programGo, func(f *file) {
		if f.ast.Name.Name == "main" {
			return
		}
		for _, declaration := range f.ast.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
					t.Errorf("%s: %s has no comment", where(d), d.Name.Name)
				}
			case *ast.GenDecl:
				undocumented(d, func(name *ast.Ident) { t.Errorf("%s: %s has no comment", where(name), name.Name) })
			}
		}
	})
}

// exportedReceiver reports whether a function is not a method of a type that only its package sees.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	exported := true
	ast.Inspect(d.Recv.List[0].Type, func(node ast.Node) bool {
		if name, ok := node.(*ast.Ident); ok {
			exported = exported && name.IsExported()
			return false
		}
		_, parameters := node.(*ast.IndexExpr)
		if parameters {
			base, ok := node.(*ast.IndexExpr).X.(*ast.Ident)
			exported = exported && (!ok || base.IsExported())
			return false
		}
		return true
	})
	return exported
}

// undocumented reports the exported names of a declaration that neither it nor their own line explains.
func undocumented(d *ast.GenDecl, report func(*ast.Ident)) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && d.Doc == nil && s.Comment == nil {
				report(s.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() && s.Doc == nil && d.Doc == nil && s.Comment == nil {
					report(name)
				}
			}
		}
	}
}

// "failed to" says nothing that being an error does not; say what was being done.
func TestErrorsSayWhatWasDone(t *testing.T) {
	each(t, programGo, func(f *file) {
		f.calls(func(call *ast.CallExpr, x, name string) {
			if (x != "errors" || name != "New") && (x != "fmt" || name != "Errorf") || len(call.Args) == 0 {
				return
			}
			literal, ok := call.Args[0].(*ast.BasicLit)
			if ok && strings.Contains(strings.ToLower(literal.Value), "failed to") {
				t.Errorf("%s: an error text with \"failed to\"", where(call))
			}
		})
	})
}
