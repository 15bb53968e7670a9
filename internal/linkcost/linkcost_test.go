package linkcost

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The first word counts at once, later ones when they have rested, and seldom; without the system the link is not metered.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		words, ended := make(chan bool), make(chan struct{})
		var mu sync.Mutex
		var told []bool
		go func() {
			defer close(ended)
			watch(ctx, words, func(metered bool) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, metered)
			})
		}()
		check := func(what string, after time.Duration, want ...bool) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(told, want) {
				t.Errorf("%s: told %v, want %v", what, told, want)
			}
		}
		words <- false
		check("a link that is not metered", time.Hour)
		words <- true
		check("the first change", 0, true)
		words <- true
		check("the same again", time.Hour, true)
		words <- false
		check("before it has rested", rest-time.Millisecond, true)
		check("when it has", time.Millisecond, true, false)
		for range 10 {
			words <- true
			time.Sleep(rest / 2)
			words <- false
			time.Sleep(rest / 2)
		}
		check("an interface that comes and goes", time.Hour, true, false)
		words <- true
		check("later", rest, true, false, true)
		words <- false
		check("soon after a change", apart-time.Millisecond, true, false, true)
		check("when it may be told", time.Millisecond, true, false, true, false)
		words <- true
		close(words)
		check("when the system has gone before it has rested", time.Hour, true, false, true, false)
		cancel()
		<-ended
	})
}

// A system that goes away while the link is metered says no more that it is.
func TestSystemGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		words, told, ended := make(chan bool, 1), make(chan bool, 2), make(chan struct{})
		words <- true
		go func() {
			defer close(ended)
			watch(ctx, words, func(metered bool) { told <- metered })
		}()
		if !<-told {
			t.Error("the link is not metered")
		}
		close(words)
		if <-told {
			t.Error("the link is metered still")
		}
		cancel()
		<-ended
	})
}
