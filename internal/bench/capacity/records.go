package capacity

import "fmt"

// rollRun is a roll that was taken, verified and folded as a new device does it.
type rollRun struct{ events, bytes, processor, memory float64 }

// rollRuns are what BenchmarkRollSize printed, times the events.
var rollRuns = []rollRun{
	{20_000, 20_000 * 307.7, 1.771, 20_000 * 964.5},
	{100_000, 100_000 * 308.6, 8.879, 100_000 * 913.0},
	{400_000, 400_000 * 310.0, 36.65, 400_000 * 910.0},
}

// queueRun is what BenchmarkQueues printed of so many queues with a message each, one in a hundred of them active.
type queueRun struct {
	queues, memory, disk, whole          float64 // bytes: of a queue, of a queue, of the process
	open, openProcessor                  float64 // seconds
	answer, answerMost, comes, comesMost float64 // seconds, half and 99 of 100 within
	processor, rate                      float64 // seconds a post, posts a second
}

// queueRuns are of one day; other programs had more of the cores in the first, which its slowest posts show.
var queueRuns = []queueRun{
	{10_000, 558.3, 1238, 16.77 * mib, 9.290e-3, 9.274e-3, 0.4768e-3, 3.359e-3, 0.4638e-3, 3.477e-3, 35.04e-6, 12080},
	{1_000_000, 378.3, 1263, 421.0 * mib, 3.025, 3.934, 0.4766e-3, 0.7198e-3, 0.4659e-3, 0.7110e-3, 47.11e-6, 16185},
}

// rolls has each roll that was measured beside what the model says of it.
func rolls() string {
	lines := [][]string{{"events on the roll", "to fetch", "the model", "processor of one core", "the model", "memory of state and tree", "the model"}}
	for _, r := range rollRuns {
		lines = append(lines, []string{count(r.events),
			traffic(r.bytes), traffic(r.events * EventBytes), span(r.processor), span(r.events * EventProcessor),
			memory(r.memory), memory(r.events * EventMemory)})
	}
	return table(lines)
}

// queues has what was measured of queues that exist.
func queues() string {
	lines := [][]string{{"queues of the embedded engine, with a message of 1 KiB in each, 1 % of them active"}}
	add := func(what string, figure func(queueRun) string) {
		row := []string{what}
		for _, r := range queueRuns {
			row = append(row, figure(r))
		}
		lines = append(lines, row)
	}
	for _, r := range queueRuns {
		lines[0] = append(lines[0], count(r.queues))
	}
	add("memory of a queue, with its message", func(r queueRun) string { return memory(r.memory) })
	add("memory of the whole process, with the active devices' own", func(r queueRun) string { return memory(r.whole) })
	add("disk of a queue", func(r queueRun) string { return memory(r.disk) })
	add("opening the folder: time; processor", func(r queueRun) string { return span(r.open) + "; " + span(r.openProcessor) })
	add("a post for an active device, durable and answered: half within, 99 of 100 within", func(r queueRun) string {
		return span(r.answer) + ", " + span(r.answerMost)
	})
	add("the same until the device has it", func(r queueRun) string { return span(r.comes) + ", " + span(r.comesMost) })
	add("posts a second, 8 callers with one in a call; processor of one, with the device's side", func(r queueRun) string {
		return fmt.Sprintf("%s; %s", count(r.rate), span(r.processor))
	})
	return table(lines)
}
