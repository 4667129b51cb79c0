# SPDX-License-Identifier: GPL-2.0-or-later
# Of each C file: "c|h LINES FILE", "comment LINES FILE", "goto N FILE", and of each function
# "function LINES FILE:NAME" and "nesting DEPTH FILE:NAME".

# code(LINE): without comments and what stands in quotes; sets commented
function code(line,   out, c, two) {
	out = ""
	while (line != "") {
		two = substr(line, 1, 2)
		c = substr(line, 1, 1)
		if (in_comment) {
			commented = 1
			if (two == "*/") {
				in_comment = 0
				line = substr(line, 3)
			} else
				line = substr(line, 2)
		} else if (two == "/*") {
			in_comment = commented = 1
			line = substr(line, 3)
		} else if (two == "//") {
			commented = 1
			line = ""
		} else if (match(line, /^"([^"\\]|\\.)*"/) || match(line, /^'([^'\\]|\\.)*'/)) {
			out = out "0"
			line = substr(line, RLENGTH + 1)
		} else {
			out = out c
			line = substr(line, 2)
		}
	}
	return out
}

# tokens(TEXT): words and single signs into token[1..n_tokens]
function tokens(text) {
	while (match(text, /[A-Za-z_][A-Za-z_0-9]*|[^ \t]/)) {
		token[++n_tokens] = substr(text, RSTART, RLENGTH)
		text = substr(text, RSTART + RLENGTH)
	}
}

# After the bracket that closes the one at token[at]
function closed(   deep) {
	do {
		if (token[at] == "(" || token[at] == "{" || token[at] == "[")
			deep++
		if (token[at] == ")" || token[at] == "}" || token[at] == "]")
			deep--
		at++
	} while (deep > 0 && at <= n_tokens)
}

function plain() {
	while (at <= n_tokens && token[at] != ";" && token[at] != "}")
		if (token[at] == "(" || token[at] == "{" || token[at] == "[")
			closed()
		else
			at++
	if (token[at] == ";")
		at++
}

function body(depth) {
	if (depth > deepest)
		deepest = depth
	statement(depth)
}

# One statement at token[at], DEPTH control statements around it
function statement(depth,   word, was) {
	word = token[at]
	if (word == "{") {
		for (at++; at <= n_tokens && token[at] != "}"; )
			statement(depth)
		at++
	} else if (word == "if") {
		at++
		closed()
		body(depth + 1)
		if (token[at] == "else") {
			at++
			if (token[at] == "if")
				statement(depth)
			else
				body(depth + 1)
		}
	} else if (word == "for" || word == "while" || word == "switch") {
		at++
		closed()
		body(depth + 1)
	} else if (word == "do") {
		at++
		body(depth + 1)
		plain()
	} else if (word == "case" || word == "default") {
		while (token[at] != ":")
			at++
		at++
	} else if (word ~ /^[A-Za-z_]/ && token[at + 1] == "(") {
		# A macro that is a loop (HASH_ITER) has a statement behind its brackets.
		was = at++
		closed()
		if (token[at] == "{" || token[at] ~ /^(if|for|return|[a-z_]+)$/)
			body(depth + 1)
		else {
			at = was
			plain()
		}
	} else
		plain()
}

function end_of_file() {
	if (file == "")
		return
	print (file ~ /\.h$/ ? "h" : "c"), lines, file
	print "comment", comments, file
	print "goto", gotos, file
}

FNR == 1 {
	end_of_file()
	file = FILENAME
	lines = comments = gotos = 0
	in_comment = inside = 0
	start = 0
}
{
	lines++
	commented = 0
	text = code($0)
	if (commented && $0 !~ /SPDX/)
		comments++
	if (text ~ /(^|[^A-Za-z_])goto /)
		gotos++
	# A signature starts in the first column, and ends with a brace there.
	if (!inside && text ~ /^[A-Za-z_]/ && !start) {
		start = FNR
		name = text
		sub(/\(.*/, "", name)
		sub(/.*[ *]/, "", name)
	}
	if (!inside && text ~ /[;}]$/)
		start = 0
	if (!inside && text ~ /^{/) {
		inside = 1
		n_tokens = 0
		if (!start)
			start = FNR
	}
	if (inside && text !~ /^#/)
		tokens(text)
	if (inside && text ~ /^}/) {
		inside = 0
		at = 1
		deepest = 0
		statement(0)
		print "function", FNR - start + 1, file ":" name
		print "nesting", deepest, file ":" name
		start = 0
	}
}
END { end_of_file() }
