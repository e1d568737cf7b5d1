package wire

// Skip steps over one value.
func (s *Scanner) Skip() { s.pos = s.skip(s.pos) }

// skip returns the offset behind the value at i. What is looked at most often is done
// here, and with the offset in a variable: in the Scanner it would be written and read
// again at each step.
func (s *Scanner) skip(i int) int {
	data := s.data
	i = space(data, i)
	if i == len(data) {
		return s.failAt(i)
	}
	switch c := data[i]; c {
	case '"':
		return s.skipString(i)
	case '{', '[':
		closing := c + 2 // in ASCII, of both
		if s.depth == maxDepth {
			return s.failAt(i)
		}
		i = space(data, i+1)
		if i < len(data) && data[i] == closing {
			return i + 1
		}
		s.depth++
		for {
			if c == '{' {
				i = space(data, s.skipString(i))
				if i == len(data) || data[i] != ':' {
					return s.failAt(i)
				}
				i++
			}
			i = space(data, s.skip(i))
			switch {
			case i == len(data):
				return s.failAt(i)
			case data[i] == ',':
				i = space(data, i+1)
			case data[i] == closing:
				s.depth--
				return i + 1
			default:
				return s.failAt(i)
			}
		}
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		s.pos = i
		s.number()
	case 't':
		s.pos = i
		s.literal("true")
	case 'f':
		s.pos = i
		s.literal("false")
	case 'n':
		s.pos = i
		s.literal("null")
	default:
		return s.failAt(i)
	}
	return s.pos
}

// skipString returns the offset behind the string at i.
func (s *Scanner) skipString(i int) int {
	data := s.data
	if i >= len(data) || data[i] != '"' {
		return s.failAt(i)
	}
	end := plainEnd(data, i+1)
	if end < len(data) && data[end] == '"' {
		return end + 1
	}
	s.strFrom(i+1, end)
	return s.pos
}

// space returns the offset of the first byte from i on that is no white space, or the end.
func space(data []byte, i int) int {
	for i < len(data) && data[i] <= ' ' && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r') {
		i++
	}
	return i
}
