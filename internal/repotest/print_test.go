package repotest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// What the programs print goes through internal/terminal, which shows every text of another's so that no terminal acts on
// it. Nothing there is forgotten, so it is enough that nothing goes past it.
func TestProgramsPrintThroughTerminal(t *testing.T) {
	each(t, func(f *file) bool { return programGo(f) && f.in("cmd") }, func(f *file) {
		if slices.Contains(f.imports(), "text/tabwriter") {
			t.Errorf("%s aligns text by itself: use terminal.Table", f.path)
		}
		f.calls(func(call *ast.CallExpr, x, name string) {
			switch {
			case x == "fmt" && (strings.HasPrefix(name, "Fprint") || strings.HasPrefix(name, "Print")), x == "io" && name == "WriteString",
				x == "json" && name == "NewEncoder":
				t.Errorf("%s: %s.%s prints past internal/terminal", where(call), x, name)
			case x == "terminal" && name == "Text":
				t.Errorf("%s: a text is called safe that nobody made so: use terminal.Line, or a constant", where(call))
			case x == "terminal" && name == "Printf" && len(call.Args) > 1 && !isFormat(call.Args[1]),
				name == "inform" && len(call.Args) > 0 && !isFormat(call.Args[0]):
				t.Errorf("%s: the format is not the program's own: print what it holds with %%s", where(call))
			}
		})
		ast.Inspect(f.ast, func(node ast.Node) bool {
			if call, ok := node.(*ast.CallExpr); ok && writesToStream(call) {
				t.Errorf("%s: a stream is written past internal/terminal", where(call))
			}
			return true
		})
	})
}

// isFormat reports whether a format is text of the program: written where it is used, or the parameter that a caller wrote.
func isFormat(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.STRING
	case *ast.BinaryExpr:
		return isFormat(e.X) && isFormat(e.Y)
	case *ast.Ident:
		return e.Name == "format"
	}
	return false
}

// writesToStream reports whether a call is x.stdout.Write(…), os.Stdout.WriteString(…) and the like, or print(…).
func writesToStream(call *ast.CallExpr) bool {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		return fun.Name == "print" || fun.Name == "println"
	case *ast.SelectorExpr:
		stream, ok := fun.X.(*ast.SelectorExpr)
		return ok && strings.HasPrefix(fun.Sel.Name, "Write") && slices.Contains([]string{"stdout", "stderr", "Stdout", "Stderr"}, stream.Sel.Name)
	}
	return false
}
