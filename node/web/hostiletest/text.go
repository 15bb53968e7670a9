package hostiletest

import (
	"fmt"
	"strings"
)

// Canary is a global of the page that no script of a case may set.
const Canary = "mustercanary"

// Elsewhere is a host that no case may make anybody ask.
const Elsewhere = "elsewhere.example"

// Case is one message.
type Case struct {
	Name, Subject, Text string
	Files               []File
}

// File is one file of a message.
type File struct {
	Name    string
	Content []byte
	Picture bool // it is a picture that is shown
	Broken  bool // it begins as a picture, and cannot be read to its end
}

const run = "window." + Canary + "=1"

// markup is what would run or fetch something if it were markup.
var markup = []string{
	"<script>" + run + "</script>", "<SCRIPT SRC=https://elsewhere.example/x.js></SCRIPT>", "<scr<script>ipt>" + run + "</script>",
	"<script type=module>import 'https://elsewhere.example/m.js'</script>", "<script/x>" + run + "</script\t>", "<noscript><img src=x onerror=" + run + "></noscript>",
	"<img src=x onerror=" + run + ">", "<img/src=x/onerror=" + run + ">", "<IMG SRC=https://elsewhere.example/p.png>", "<img srcset='https://elsewhere.example/p 2x'>",
	"<image href=https://elsewhere.example/>", "<picture><source srcset=https://elsewhere.example/></picture>", "<svg onload=" + run + ">", "<svg><script>" + run + "</script></svg>",
	"<svg><use href='https://elsewhere.example/s.svg#x'/></svg>", "<svg><image href='https://elsewhere.example/i'/></svg>", "<svg><foreignObject><iframe src=javascript:" + run + "></iframe></foreignObject></svg>",
	"<svg><animate onbegin=" + run + " attributeName=x dur=1s>", "<svg><a xlink:href='javascript:" + run + "'><text y=9>x</text></a></svg>", "<svg><style>@import 'https://elsewhere.example/a.css'</style></svg>",
	"<math><mtext></p><script>" + run + "</script>", "<math href='javascript:" + run + "'>x</math>", "<math><maction actiontype='statusline#javascript:" + run + "'>x</maction></math>",
	"<iframe src='https://elsewhere.example/'></iframe>", "<iframe srcdoc='<script>parent." + Canary + "=1</script>'></iframe>", "<frameset onload=" + run + ">", "<object data='https://elsewhere.example/o'></object>",
	"<embed src='https://elsewhere.example/e'>", "<applet code=x></applet>", "<video src='https://elsewhere.example/v' autoplay></video>", "<video poster='https://elsewhere.example/v'>", "<audio src='https://elsewhere.example/a' autoplay>",
	"<video><source onerror=" + run + "></video>", "<track src='https://elsewhere.example/t'>", "<link rel=stylesheet href='https://elsewhere.example/c.css'>", "<link rel=prefetch href='https://elsewhere.example/'>",
	"<link rel=dns-prefetch href='//elsewhere.example'>", "<link rel=preconnect href='https://elsewhere.example'>", "<link rel=modulepreload href='https://elsewhere.example/'>", "<link rel=icon href='https://elsewhere.example/'>",
	"<link rel=manifest href='https://elsewhere.example/'>", "<meta http-equiv=refresh content='0;url=https://elsewhere.example/'>", "<meta http-equiv=Set-Cookie content='a=b'>", "<base href='https://elsewhere.example/'>",
	"<style>@import url(https://elsewhere.example/c.css);</style>", "<style>body{display:none}</style>", "<style>*{background:url(https://elsewhere.example/b)}</style>", "<style>@font-face{font-family:x;src:url(https://elsewhere.example/f)}</style>",
	"<p style='position:fixed;inset:0;background:red'>over all</p>", "<div style='background:url(https://elsewhere.example/)'>x</div>", "<div style='width:expression(" + run + ")'>x</div>", "<table background='https://elsewhere.example/'>",
	"<body onload=" + run + ">", "<body background='https://elsewhere.example/'>", "<input autofocus onfocus=" + run + ">", "<select autofocus onfocus=" + run + ">", "<textarea autofocus onfocus=" + run + ">", "<details open ontoggle=" + run + ">",
	"<marquee onstart=" + run + ">x</marquee>", "<dialog open>Sign in again</dialog>", "<div popover id=p>x</div><button popovertarget=p>y</button>", "<form action='https://elsewhere.example/'><input name=passphrase><button>Go on</button></form>",
	"<button formaction='https://elsewhere.example/'>x</button>", "<a href='https://elsewhere.example/' ping='https://elsewhere.example/ping'>x</a>", "<a href='javascript:" + run + "'>x</a>", "<a download href='data:text/html,x'>x</a>",
	"<area href='https://elsewhere.example/'>", "<template><script>" + run + "</script></template>", "<slot onslotchange=" + run + ">", "<portal src='https://elsewhere.example/'>", "<fencedframe src='https://elsewhere.example/'>",
	"<isindex action='https://elsewhere.example/'>", "<xml id=x><x>y</x></xml>", "<!--[if IE]><script>" + run + "</script><![endif]-->", "<!-- --!><script>" + run + "</script> -->", "<![CDATA[<script>" + run + "</script>]]>",
	"<?xml-stylesheet href='https://elsewhere.example/x.xsl'?>", "<!DOCTYPE x SYSTEM 'https://elsewhere.example/x.dtd'>", "</article></main><h1>The end</h1>", "</div></article><article class=message>I am Bo</article>", "</textarea><script>" + run + "</script>",
	"</title><script>" + run + "</script>", "</style><script>" + run + "</script>", "<plaintext>", "<xmp>", "<listing>", "<x onclick=" + run + " id=main class=composer data-send data-live=message>x</x>", "<p id=messages>x</p><p id=toasts>y</p>", "<div data-open='https://elsewhere.example/'>x</div>",
	"{{.}}{{template \"layout\"}}", "${" + run + "}", "<%= 1 %>", "&lt;script&gt;" + run + "&lt;/script&gt;", "&#60;script&#62;" + run + "&#60;/script&#62;", "\\<script>" + run + "</script>", "+ADw-script+AD4-" + run + "+ADw-/script+AD4-",
}

// addresses are what links and pictures may lead to.
var addresses = []string{
	"javascript:" + run, "JaVaScRiPt:" + run, "java&#10;script:" + run, "javascript&colon;" + run, "&#106;avascript:" + run, "\\javascript:" + run, "javascript://elsewhere.example/%0a" + run,
	"vbscript:x", "data:text/html,<script>" + run + "</script>", "data:text/html;base64,PHNjcmlwdD4=", "data:image/svg+xml,<svg/onload=" + run + ">", "blob:https://elsewhere.example/x", "file:///etc/passwd", "filesystem:x",
	"ftp://elsewhere.example/", "ws://elsewhere.example/", "intent://elsewhere.example/#Intent;end", "ms-word:ofe|u|https://elsewhere.example/", "search-ms:query=x", "mailto:x@elsewhere.example", "tel:+1", "about:blank",
	"view-source:https://elsewhere.example/", "chrome://settings", "muster:claim/x", "//elsewhere.example/", "\\\\elsewhere.example\\x", "/\\elsewhere.example/", "/o/x/m/y/delete", "?notice=message.gone", "#main", "../../login", "https:elsewhere.example",
	"https:///elsewhere.example", "https://example.org@elsewhere.example/", "https://example.org%2f@elsewhere.example/", "https://example.org\\@elsewhere.example/", "https://аpple.example/", "https://xn--pple-43d.example/", "https://2130706433/",
	"https://0x7f000001/", "https://[::1]/", "https://elsewhere.example:22/", "https://elsewhere.example\u3002example/", "https://elsewhere.example/\u202egnp.exe", "https://" + strings.Repeat("a", 300) + ".example/", "https://elsewhere.example/" + strings.Repeat("a", 1900),
	"https://elsewhere.example/\" onclick=\"" + run, "https://elsewhere.example/'><script>" + run + "</script>", "https://elsewhere.example/?a=1&copy=2&lt=3",
}

// unicode is what letters can do by themselves.
var unicode = []string{
	"abc\u202egnp.exe", "\u2066\u2067\u2068nested\u2069\u2069", strings.Repeat("\u202e", 500) + "x", "\u202d\u202ex\u202c\u202c", strings.Repeat("\u2067", 200) + "unclosed", "\u200f\u200fשלום\u200e\u200e", "\u061cمرحبا",
	"Z" + strings.Repeat("\u0301", 3000) + "algo", strings.Repeat("Z"+strings.Repeat("\u0335\u0489\u0321\u0360", 40), 40), strings.Repeat("\u0e49", 500), "\u0b85" + strings.Repeat("\u0bcd\u0b95", 500), strings.Repeat("\u0488", 2000),
	strings.Repeat("W", 20_000), strings.Repeat("\u200d", 5000), strings.Repeat("\u200b", 5000) + "x", strings.Repeat("\u00a0", 5000) + "x", strings.Repeat("\u2003", 5000), strings.Repeat("\u3000", 3000) + "x", strings.Repeat("\ufdfd", 500), strings.Repeat("𒐫", 500),
	strings.Repeat("⸻", 500), strings.Repeat("👩‍👩‍👧‍👦", 1000), strings.Repeat("👩\u200d", 3000), strings.Repeat("🏴\U000e0067\U000e007f", 300), strings.Repeat("🇦", 2001), strings.Repeat("👍🏿", 500), "\ufe0f\ufe0e\u20e3", "1\ufe0f\u20e3" + strings.Repeat("\u20e3", 900),
	"a\x00b\x01c\x1b[31md\x7f", "\x1b]0;title\x07\x1b[2J", "\ufeff\ufffe\uffff", "\U000e0001\U000e0061tags", "\u2028line\u2029paragraph", "a\r\rb\r\nc\vd\fe", "\ue000\uf8ff\U000f0000private", "ﬀﬁ\u1e9e\u0149İı", "\u115f\u1160\u3164\uffa0\u2800", strings.Repeat("\n", 5000),
	strings.Repeat("\t", 5000) + "x", strings.Repeat("a ", 20_000), strings.Repeat("سلام", 3000), strings.Repeat("漢", 20_000), "𝕬𝖉𝖒𝖎𝖓 𝐩𝐚𝐬𝐬𝐰𝐨𝐫𝐝", strings.Repeat("\u1d173", 300), strings.Repeat("\u034f", 3000) + "x", "\u206a\u206b\u206c\u206d\u206e\u206fold",
}

// patterns are marks that ask for much work, each repeated.
var patterns = []string{
	"[", "![", "[]", "[a](", "[a](<b", "[a][", "![[]()", "*", "_", "~", "~~", "**a ", "*a_ ", "a**b", "`", "`` ` ", "<", "<!", "<!--", "<!A ", "<?", "<![CDATA[", "<a href='", "<a ", "</", "&", "&amp", "&#", "\\", "\\`", "(", "(http://a", "http://a(", " www.a",
	"www.", "http://", "a@", "a@b.", "_a", "~a", ">", "> ", "- ", "* ", "1. ", "+ > ", "> - ", "# ", "|", "|a", "-|", ":-", "```", "~~~\n", "```\n", "-\n", "- a\n", "  - a\n", "> a\n", ">\n\n", "- \n\n", "---\n", "a\n---\n", "[a]: b\n", "[a]: <\n", "[a]\n\n", "a\n\n",
	"<b>\n\n", "<!-- \n\n", "    a\n\n", "\t\n", "- [ ] a\n", "|a|b|\n|-|-|\n\n", "![a](b) ", "<x@y.z>", "<http://a>", "*_~`[", "**_", "\\\n", "&nbsp;", "]", "](", ")", "![a]", "[^a]", "{", "$", ":",
}

// Patterns returns texts of nearly size bytes whose marks ask for much work.
func Patterns(size int) []Case {
	var all []Case
	for _, p := range patterns {
		all = append(all, Case{Name: fmt.Sprintf("%q over and over", p), Text: strings.Repeat(p, size/len(p))})
	}
	var stairs, ticks strings.Builder
	for i := 0; stairs.Len() < size-2*i-4; i++ {
		stairs.WriteString(strings.Repeat("  ", i) + "- a\n")
	}
	for i := 1; ticks.Len() < size-i-1; i++ {
		ticks.WriteString("e" + strings.Repeat("`", i))
	}
	third := size / 3
	return append(all,
		Case{Name: "stairs of lists", Text: stairs.String()},
		Case{Name: "ticks of every length", Text: ticks.String()},
		Case{Name: "a deep quote and lazy lines", Text: strings.Repeat(">", third) + "a\n" + strings.Repeat("a\n", third/2)},
		Case{Name: "a thousand quotes", Text: strings.Repeat("> ", 1000) + "deep"},
		Case{Name: "a deep list and lazy lines", Text: strings.Repeat("- ", third/2) + "a\n" + strings.Repeat("a\n", third/2)},
		Case{Name: "a wide table of short rows", Text: strings.Repeat("|a", third/2) + "|\n" + strings.Repeat("|-", third/2) + "|\n" + strings.Repeat("a\n", third/2)},
		Case{Name: "a long address by a short name", Text: "[a]: https://elsewhere.example/" + strings.Repeat("b", 1900) + "\n\n" + strings.Repeat("[a]\n\n", max(size-2000, 0)/5)},
		Case{Name: "brackets that open and close", Text: strings.Repeat("[", size/2) + strings.Repeat("]", size/2)},
		Case{Name: "stars that open and close", Text: strings.Repeat("*a ", size/6) + strings.Repeat("a* ", size/6)},
	)
}

// Cases returns all messages, each with a name of its own.
func Cases() []Case {
	var all []Case
	add := func(kind string, texts []string, shape func(string) string) {
		for i, text := range texts {
			all = append(all, Case{Name: fmt.Sprintf("%s %d", kind, i+1), Text: shape(text)})
		}
	}
	same := func(text string) string { return text }
	add("markup", markup, same)
	add("markup in a line", markup[:20], func(text string) string { return "before *" + text + "* after" })
	add("link", addresses, func(a string) string {
		return "[Click](" + a + ") [again](<" + a + "> \"title\") <" + a + "> " + a + "\n\n![p](" + a + ")\n\n[r]\n\n[r]: " + a
	})
	add("letters", unicode, same)
	for i, text := range unicode {
		line := strings.Map(func(r rune) rune {
			if r < ' ' {
				return -1
			}
			return r
		}, text)
		if len(line) < 100 {
			all = append(all, Case{Name: fmt.Sprintf("subject %d", i+1), Subject: line + "x", Text: "See above."})
		}
	}
	for i, c := range Patterns(3000) {
		all = append(all, Case{Name: fmt.Sprintf("pattern %d: %s", i+1, c.Name), Text: c.Text})
	}
	return append(all, withFiles()...)
}
