package carrying

import (
	"math/rand/v2"
	"time"
)

// Habits has people sleep at home, work from Monday to Friday at one place, and go now and then anywhere in the evening, at lunch
// and on free days. On the way they meet nobody.
func Habits(random *rand.Rand, home, work int) (stays []stay) {
	hour := func(day int, at float64) time.Duration {
		return time.Duration(day)*24*time.Hour + time.Duration((at+random.NormFloat64()*0.5)*float64(time.Hour))
	}
	from := time.Duration(0)
	go_ := func(place int, leave time.Duration) {
		if leave > from+time.Minute {
			stays = append(stays, stay{place, from, min(leave, Week)})
			from = leave + 10*time.Minute + exponential(random, 20*time.Minute)
		}
	}
	for day := range 7 {
		free := day >= 5 || random.Float64() < 0.08
		if free {
			go_(home, hour(day, 10))
			for range random.IntN(3) {
				go_(random.IntN(Places), from+exponential(random, 2*time.Hour))
				go_(home, from+exponential(random, 2*time.Hour))
			}
			continue
		}
		go_(home, hour(day, 8))
		if random.Float64() < 0.2 {
			go_(work, hour(day, 12))
			go_(random.IntN(Places), from+exponential(random, 45*time.Minute))
		}
		go_(work, hour(day, 17))
		if random.Float64() < 0.3 {
			go_(random.IntN(Places), from+exponential(random, 2*time.Hour))
		}
	}
	go_(home, Week)
	return stays
}

// Walk has people stay for some hours wherever they come, and go anywhere from there.
func Walk(random *rand.Rand, home, _ int) (stays []stay) {
	place := home
	for from := time.Duration(0); from < Week; {
		to := from + exponential(random, 4*time.Hour)
		if to > from+time.Minute {
			stays = append(stays, stay{place, from, min(to, Week)})
		}
		from = to + 10*time.Minute + exponential(random, 20*time.Minute)
		place = random.IntN(Places)
	}
	return stays
}
