using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>
/// A growing buffer of UTF-8 text with the exchange's ways of writing numbers: prices with four decimals (six where needed),
/// sizes with two, times as RFC 3339 with the trailing zeros of the microseconds cut. Reused; allocates only to grow. Not
/// thread-safe.
/// </summary>
internal sealed class WireText(int capacity = 1_024)
{
    private byte[] _bytes = new byte[capacity];
    private int _length;

    // The text of the second last written, because consecutive stamps share it.
    private readonly byte[] _second = new byte[19];
    private long _secondOf = long.MinValue;

    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, _length);

    public ReadOnlyMemory<byte> Memory => _bytes.AsMemory(0, _length);

    public int Length => _length;

    public WireText Clear()
    {
        _length = 0;
        return this;
    }

    public void CutTo(int length) => _length = length;

    public WireText Raw(ReadOnlySpan<byte> text)
    {
        text.CopyTo(Reserve(text.Length));
        _length += text.Length;
        return this;
    }

    public WireText Integer(long value)
    {
        Utf8Formatter.TryFormat(value, Reserve(20), out var written);
        _length += written;
        return this;
    }

    /// <summary>`"0.0100"` without the quotes, from micro-dollars.</summary>
    public WireText Price(int micros)
    {
        var fraction = micros % 1_000_000;
        var digits = fraction % 100 == 0 ? 4 : 6;
        Integer(micros / 1_000_000);
        return Digits(digits == 4 ? fraction / 100 : fraction, digits);
    }

    /// <summary>`-46.02` from hundredths.</summary>
    public WireText Quantity(long hundredths)
    {
        if (hundredths < 0)
        {
            Raw("-"u8);
            hundredths = -hundredths;
        }

        Integer(hundredths / 100);
        return Digits((int)(hundredths % 100), 2);
    }

    /// <summary>RFC 3339 from µs: at most six decimals, trailing zeros cut, none at a whole second.</summary>
    public WireText Time(long micros)
    {
        var second = Math.DivRem(micros, Micros.PerSecond, out var fraction);
        if (second != _secondOf)
        {
            Encoding.UTF8.GetBytes(Micros.Format(second * Micros.PerSecond).AsSpan(0, 19), _second);
            _secondOf = second;
        }

        Raw(_second);
        if (fraction != 0)
        {
            var digits = 6;
            while (fraction % 10 == 0)
            {
                fraction /= 10;
                digits--;
            }

            Digits((int)fraction, digits);
        }

        return Raw("Z"u8);
    }

    public WireText Uuid(Guid id)
    {
        id.TryFormat(Reserve(36), out _);
        _length += 36;
        return this;
    }

    /// <summary>A JSON string with its quotes, escaped as far as JSON demands.</summary>
    public WireText Text(string text)
    {
        Raw("\""u8);
        Raw(JsonEncodedText.Encode(text, System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes);
        return Raw("\""u8);
    }

    /// <summary>A JSON string of bytes that need no escape (tickers).</summary>
    public WireText Quoted(ReadOnlySpan<byte> text) => Raw("\""u8).Raw(text).Raw("\""u8);

    /// <summary>A decimal point and `count` digits.</summary>
    private WireText Digits(int value, int count)
    {
        var to = Reserve(count + 1);
        to[0] = (byte)'.';
        for (var i = count; i > 0; i--)
        {
            to[i] = (byte)('0' + (value % 10));
            value /= 10;
        }

        _length += count + 1;
        return this;
    }

    private Span<byte> Reserve(int count)
    {
        if (_bytes.Length - _length < count)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + count));
        }

        return _bytes.AsSpan(_length);
    }
}
