// Says what Go's standard library makes of a request: an HTTP server with the original's two patterns, whose answer
// tells what its handler sees. It logs its address as the original does.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sort"
	"strings"
)

// shown is the longest text that an answer holds; of a longer one it tells the length and the digest.
const shown = 1000

func show(data []byte) string {
	if len(data) > shown {
		return fmt.Sprintf("%d bytes, %x", len(data), sha256.Sum256(data))
	}
	return fmt.Sprintf("%q", data)
}

func echo(pattern string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lines := []string{
			"pattern " + pattern,
			"method " + r.Method,
			"target " + show([]byte(r.RequestURI)),
			"url " + show([]byte(r.URL.String())),
			"path " + show([]byte(r.URL.Path)),
			"query " + show([]byte(r.URL.RawQuery)),
			"host " + show([]byte(r.Host)),
			fmt.Sprintf("length %d", r.ContentLength),
		}
		var names []string
		for name := range r.Header {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			lines = append(lines, fmt.Sprintf("header %q: %s", name, show([]byte(strings.Join(r.Header[name], "|")))))
		}
		if !strings.HasPrefix(r.URL.Path, "/unread") {
			body, err := io.ReadAll(r.Body)
			lines = append(lines, "body "+show(body), fmt.Sprintf("error %v", err))
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, strings.Join(lines, "\n")+"\n")
	})
}

func main() {
	mux := http.NewServeMux()
	mux.Handle("/", echo("main"))
	mux.Handle("/api/v1/", http.StripPrefix("/api/v1", echo("api")))
	address := "127.0.0.1:0"
	if len(os.Args) > 1 {
		address = strings.TrimPrefix(os.Args[1], "--web.listen-address=")
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "msg=\"Listening on\" address=%s\n", listener.Addr())
	fmt.Fprintln(os.Stderr, http.Serve(listener, mux))
}
