package richtext_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"muster.example/node/web/richtext"
)

func TestRender(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"words", "Hello *there* **you**", "<p>Hello <em>there</em> <strong>you</strong></p>\n"},
		{"a line", "one\ntwo", "<p>one<br>\ntwo</p>\n"},
		{"markup is text", "a <b onclick=x>c</b>", "<p>a &lt;b onclick=x&gt;c&lt;/b&gt;</p>\n"},
		{"a block of markup", "<script>\nalert(1)\n</script>\n\nafter", `<p class="typed">&lt;script&gt;` + "\nalert(1)\n&lt;/script&gt;</p><p>after</p>\n"},
		{"a comment", "<!-- hidden -->", `<p class="typed">&lt;!-- hidden --&gt;</p>`},
		{"a heading", "# Title", "<h4>Title</h4>\n"},
		{"a link", "[see](https://example.org/a?b=c&d)",
			`<p><a class="out" rel="noopener noreferrer nofollow" href="/leave?to=https%3A%2F%2Fexample.org%2Fa%3Fb%3Dc%26d" data-open="https://example.org/a?b=c&amp;d">see</a> <bdi class="host">(example.org)</bdi></p>` + "\n"},
		{"a bare link", "https://example.org", `<p><a class="out" rel="noopener noreferrer nofollow" href="/leave?to=https%3A%2F%2Fexample.org" data-open="https://example.org">https://example.org</a> <bdi class="host">(example.org)</bdi></p>` + "\n"},
		{"a script's address", "[x](javascript:alert(1))", `<p>x <bdi class="host">(javascript:alert(1))</bdi></p>` + "\n"},
		{"data", "[x](data:text/html,y)", `<p>x <bdi class="host">(data:text/html,y)</bdi></p>` + "\n"},
		{"a picture elsewhere", "![cat](https://example.org/c.png)",
			`<p><a class="out" rel="noopener noreferrer nofollow" href="/leave?to=https%3A%2F%2Fexample.org%2Fc.png" data-open="https://example.org/c.png">cat</a> <bdi class="host">(example.org)</bdi></p>` + "\n"},
		{"a task", "- [x] done", "<ul>\n<li>☑ done</li>\n</ul>\n"},
		{"code", "```js\" onload=\"x\na < b\n```", "<pre tabindex=\"0\"><code>a &lt; b\n</code></pre>\n"},
		{"an address of mail", "write to bo@example.org", "<p>write to bo@example.org</p>\n"},
		{"turning text", "a\u202eb", "<p>a\ufffdb</p>\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(richtext.Render(c.text)); got != c.want {
				t.Errorf("%q became\n%s\nwant\n%s", c.text, got, c.want)
			}
		})
	}
}

// Whatever a message holds, its markup has the few elements and attributes that can only look.
func FuzzRender(f *testing.F) {
	for _, seed := range []string{
		"", "# a", "<svg onload=x>", "[a](javascript:x)", "![a](//evil)", "|a|b|\n|:-|-:|\n|1|2|", "- [ ] x", "~~a~~", "www.a.example", "[a]: <b>\n[a]",
		"<a href='x'>", "```a`b\nc", "&lt;b&gt;", "\u202e\x00\x1b[1m", "<http://a.example/\">", "[x](http://a@b.example)", strings.Repeat("[", 1000),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { checkMarkup(t, text, string(richtext.Render(text))) })
}

// checkMarkup fails for an element or an attribute that a message may not have.
func checkMarkup(t *testing.T, text, markup string) {
	t.Helper()
	elements := map[string][]string{
		"a": {"class", "rel", "href", "data-open"}, "bdi": {"class"}, "p": {"class"}, "pre": {"tabindex"}, "code": nil, "em": nil, "strong": nil, "del": nil,
		"br": nil, "hr": nil, "ul": nil, "ol": {"start"}, "li": nil, "blockquote": nil, "h4": nil, "h5": nil, "h6": nil,
		"table": nil, "thead": nil, "tbody": nil, "tr": nil, "th": {"align"}, "td": {"align"},
	}
	tokens := html.NewTokenizer(strings.NewReader(markup))
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return
		}
		token := tokens.Token()
		if kind == html.CommentToken || kind == html.DoctypeToken {
			t.Fatalf("%q made %v", text, token)
		}
		if kind == html.TextToken {
			continue
		}
		allowed, known := elements[token.Data]
		if !known {
			t.Fatalf("%q made <%s>", text, token.Data)
		}
		for _, a := range token.Attr {
			if !strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+a.Key+" ") {
				t.Fatalf("%q made <%s %s=%q>", text, token.Data, a.Key, a.Val)
			}
			if a.Key == "href" && !strings.HasPrefix(a.Val, "/leave?to=") {
				t.Fatalf("%q made a link to %q", text, a.Val)
			}
			if a.Key == "data-open" && !strings.HasPrefix(a.Val, "http://") && !strings.HasPrefix(a.Val, "https://") {
				t.Fatalf("%q opens %q", text, a.Val)
			}
		}
	}
}

func TestInspect(t *testing.T) {
	for _, c := range []struct {
		address, host, opened string
		suspicion             richtext.Suspicion
	}{
		{"https://example.org/a", "example.org", "https://example.org/a", ""},
		{"HTTPS://Example.ORG", "example.org", "https://example.org", ""},
		{"https://example.org.", "example.org", "https://example.org", ""},
		{"https://example.org:443/", "example.org", "https://example.org:443/", ""},
		{"https://example.org:8443/", "example.org", "https://example.org:8443/", richtext.SuspectPort},
		{"https://bank.example@evil.example/", "evil.example", "https://evil.example/", richtext.SuspectUser},
		{"https://аpple.example/", "xn--pple-43d.example", "https://xn--pple-43d.example/", richtext.SuspectName},
		{"https://xn--pple-43d.example/", "xn--pple-43d.example", "https://xn--pple-43d.example/", richtext.SuspectName},
		{"https://ｅxample.org/", "example.org", "https://example.org/", ""},
		{"http://127.0.0.1/", "127.0.0.1", "http://127.0.0.1/", richtext.SuspectNumbers},
		{"http://0x7f.1/", "0x7f.1", "http://0x7f.1/", richtext.SuspectNumbers},
		{"http://[::1]/", "::1", "http://[::1]/", richtext.SuspectNumbers},
	} {
		got, ok := richtext.Inspect(c.address)
		if !ok || got.Host != c.host || got.Address != c.opened || got.Suspicion != c.suspicion {
			t.Errorf("%s: %+v %v, want %s %s %q", c.address, got, ok, c.host, c.opened, c.suspicion)
		}
	}
	for _, address := range []string{
		"", "javascript:alert(1)", "data:,x", "file:///etc/passwd", "ftp://a.example", "//a.example", "/a", "https:", "https:///a", "https://",
		"https://a b", "https://a\\b", "https://a\x00", "https://" + strings.Repeat("a", 3000), "vbscript:x", "JaVaScRiPt:x", "https:a.example", " https://a.example",
	} {
		if got, ok := richtext.Inspect(address); ok {
			t.Errorf("%q is a link to %+v", address, got)
		}
	}
}
