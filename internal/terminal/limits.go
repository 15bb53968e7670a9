package terminal

// maxMarks is how many marks may stand on one character, as UTS #39 has it: more climb over the lines above.
const maxMarks = 4
