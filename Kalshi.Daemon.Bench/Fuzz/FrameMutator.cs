namespace Kalshi.Daemon.Bench.Fuzz;

/// <summary>
/// Makes input number n of a fuzz run: an example respelt or broken in one to three ways, or random JSON out of our own keys.
/// The same number always gives the same bytes. Allocates nothing per input. Not thread-safe.
/// </summary>
internal sealed class FrameMutator
{
    private const int LengthMax = 8_192;
    private const int DepthMax = 70;

    private readonly byte[] _frame = new byte[LengthMax + 1_024];
    private readonly byte[] _copy = new byte[LengthMax + 1_024];
    private ulong _random;
    private int _length;

    public ReadOnlySpan<byte> Make(ulong number)
    {
        // Neighbouring numbers must not give neighbouring streams.
        _random = number * 0x9E37_79B9_7F4A_7C15;
        Next(2);
        if (Next(16) == 0)
        {
            _length = 0;
            Object(Next(4) == 0 ? DepthMax : 4);
        }
        else
        {
            Take(Pick(FrameExamples.Frames));
            for (var changes = Next(4); changes > 0; changes--)
            {
                Change();
            }
        }

        if (Next(8) == 0)
        {
            Append("\n"u8);
        }

        return _frame.AsSpan(0, _length);
    }

    private void Change()
    {
        if (_length == 0)
        {
            return;
        }

        switch (Next(12))
        {
            case 0:
                _frame[Next(_length)] = (byte)Next(256);
                break;
            case 1:
                _frame[Next(_length)] ^= (byte)(1 << Next(8));
                break;
            case 2:
                _length = Next(_length);
                break;
            case 3:
                Splice(Pick(FrameExamples.Frames));
                break;
            case 4:
                Replace(Next(_length), Next(6), " \n\t{}[]\",:\\0"u8.Slice(Next(11), 1));
                break;
            case 5:
                Delete();
                break;
            case 6:
                Repeat();
                break;
            case 7:
                ReplaceKey();
                break;
            case 8:
                Insert(Next(_length), Next(2) == 0 ? " "u8 : "\r\n\t "u8);
                break;
            default:
                ReplaceValue();
                break;
        }
    }

    /// <summary>The beginning of one frame, the end of another.</summary>
    private void Splice(ReadOnlySpan<byte> other)
    {
        var keep = Next(_length);
        var from = Next(other.Length);
        _length = keep;
        Append(other[from..]);
    }

    /// <summary>From one comma up to another: usually a member.</summary>
    private void Delete()
    {
        var (start, end) = Stretch();
        Replace(start, end - start, default);
    }

    /// <summary>A member again, somewhere else.</summary>
    private void Repeat()
    {
        var (start, end) = Stretch();
        _frame.AsSpan(start, end - start).CopyTo(_copy);
        var at = From(Next(_length), (byte)',');
        Insert(at, _copy.AsSpan(0, end - start));
    }

    private (int Start, int End) Stretch()
    {
        var start = From(Next(_length), (byte)',');
        return (start, From(Math.Min(start + 1, _length), (byte)','));
    }

    private void ReplaceKey()
    {
        // "key": the colon's quotes.
        var colon = From(Next(_length), (byte)':');
        var end = colon - 1;
        if (end <= 0 || colon >= _length || _frame[end] != '"')
        {
            return;
        }

        var start = _frame.AsSpan(0, end).LastIndexOf((byte)'"');
        if (start >= 0)
        {
            Replace(start + 1, end - start - 1, Pick(FrameExamples.Keys));
        }
    }

    private void ReplaceValue()
    {
        var start = From(Next(_length), (byte)':') + 1;
        if (start >= _length)
        {
            return;
        }

        var rest = _frame.AsSpan(start, _length - start);
        var length = rest[0] == '"' ? rest[1..].IndexOf((byte)'"') + 2 : rest.IndexOfAny(",}]"u8);
        Replace(start, Math.Clamp(length, 0, _length - start), Pick(FrameExamples.Values));
    }

    private void Object(int depth)
    {
        Append("{"u8);
        for (var members = Next(8); members >= 0 && _length < LengthMax / 2; members--)
        {
            Append("\""u8);
            Append(Pick(FrameExamples.Keys));
            Append("\":"u8);
            Value(depth - 1);
            Append(members > 0 ? ","u8 : ""u8);
        }

        Append(_frame[_length - 1] == ',' ? "\"x\":0}"u8 : "}"u8);
    }

    private void Value(int depth)
    {
        if (depth <= 0 || _length > LengthMax / 2 || (depth is <= 4 or >= DepthMax - 2 && Next(4) > 0))
        {
            Append(Pick(FrameExamples.Values));
        }
        else if (Next(2) == 0)
        {
            Object(depth);
        }
        else
        {
            Append("["u8);
            Value(depth - 1);
            Append("]"u8);
        }
    }

    private int From(int at, byte mark)
    {
        var found = _frame.AsSpan(at, _length - at).IndexOf(mark);
        return found < 0 ? _length : at + found;
    }

    private void Take(ReadOnlySpan<byte> frame)
    {
        frame.CopyTo(_frame);
        _length = frame.Length;
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        bytes = bytes[..Math.Min(bytes.Length, LengthMax - _length)];
        bytes.CopyTo(_frame.AsSpan(_length));
        _length += bytes.Length;
    }

    private void Insert(int at, ReadOnlySpan<byte> bytes) => Replace(at, 0, bytes);

    private void Replace(int at, int length, ReadOnlySpan<byte> bytes)
    {
        length = Math.Min(length, _length - at);
        if (_length - length + bytes.Length > LengthMax)
        {
            return;
        }

        _frame.AsSpan(at + length, _length - at - length).CopyTo(_frame.AsSpan(at + bytes.Length));
        bytes.CopyTo(_frame.AsSpan(at));
        _length += bytes.Length - length;
    }

    private ReadOnlySpan<byte> Pick(byte[][] choices) => choices[Next(choices.Length)];

    /// <summary>0 up to `limit`, exclusive (splitmix64).</summary>
    private int Next(int limit)
    {
        _random += 0x9E37_79B9_7F4A_7C15;
        var mixed = (_random ^ (_random >> 30)) * 0xBF58_476D_1CE4_E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB;
        return (int)((uint)((mixed ^ (mixed >> 31)) >> 32) * (ulong)limit >> 32);
    }
}
