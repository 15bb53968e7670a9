package rendezvous

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	// bundleTime is how long a bundle may take to come or go over the control socket.
	bundleTime = 6 * time.Hour
	// bundleTrailer follows a bundle that was written whole: what is in it.
	bundleTrailer = "Muster-Bundle"
)

// bundlePages are what the commands about bundles ask.
func (n *Node) bundlePages(pages *http.ServeMux) {
	pages.HandleFunc("POST /bundle/import", func(w http.ResponseWriter, r *http.Request) {
		allow(w, bundleTime)
		taken, err := n.importBundle(r.Context(), r.Body)
		if err != nil {
			answerJSON(w, http.StatusUnprocessableEntity, controlError{err.Error()})
			return
		}
		answerJSON(w, http.StatusOK, taken)
	})
	pages.HandleFunc("POST /bundle/export", func(w http.ResponseWriter, r *http.Request) {
		allow(w, bundleTime)
		query := r.URL.Query()
		b, err := n.newBundle(bundleFor{org: query.Get("org"), members: query["for"]})
		if err != nil {
			answerJSON(w, http.StatusUnprocessableEntity, controlError{err.Error()})
			return
		}
		w.Header().Set("Trailer", bundleTrailer)
		w.Header().Set("Content-Type", "application/octet-stream")
		if err := b.write(r.Context(), w); err != nil {
			n.log.Warn("a bundle broke off", "error", err) // who asked sees that its end is missing
			panic(http.ErrAbortHandler)
		}
		b.given.Org, b.given.Devices = b.org.id.String(), len(b.devices)
		said, err := json.Marshal(b.given)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set(bundleTrailer, string(said))
	})
}

// AskBundleImport has the node that serves dir take in a part of a bundle; ErrNotRunning if there is none.
func AskBundleImport(ctx context.Context, dir string, from io.Reader) (taken BundleTaken, err error) {
	ctx, cancel := context.WithTimeout(ctx, bundleTime)
	defer cancel()
	response, err := request(ctx, dir, http.MethodPost, "/bundle/import", io.NopCloser(from))
	if err != nil {
		return taken, err
	}
	defer response.Body.Close()
	return taken, json.NewDecoder(io.LimitReader(response.Body, maxControl)).Decode(&taken)
}

// AskBundleExport has the node that serves dir write a bundle of what waits for members, or for all; ErrNotRunning if there is none.
func AskBundleExport(ctx context.Context, dir, org string, members []string, to io.Writer) (given BundleGiven, err error) {
	ctx, cancel := context.WithTimeout(ctx, bundleTime)
	defer cancel()
	query := url.Values{"for": members}
	if org != "" {
		query.Set("org", org)
	}
	response, err := request(ctx, dir, http.MethodPost, "/bundle/export?"+query.Encode(), nil)
	if err != nil {
		return given, err
	}
	defer response.Body.Close()
	size, err := io.Copy(to, response.Body)
	if err != nil {
		return given, fmt.Errorf("writing the bundle: %w", err)
	}
	said := response.Trailer.Get(bundleTrailer)
	if said == "" {
		return given, errors.New("the bundle broke off: the node's log says why")
	}
	err = json.Unmarshal([]byte(said), &given)
	given.Bytes = size
	return given, err
}
