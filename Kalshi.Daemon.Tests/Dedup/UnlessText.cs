using System.Runtime.CompilerServices;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>An interpolated string that costs nothing while what it would complain of holds.</summary>
[InterpolatedStringHandler]
internal ref struct UnlessText
{
    private DefaultInterpolatedStringHandler _text;

    public UnlessText(int literalLength, int formattedCount, bool holds, out bool isNeeded)
    {
        isNeeded = !holds;
        _text = isNeeded ? new DefaultInterpolatedStringHandler(literalLength, formattedCount) : default;
    }

    public void AppendLiteral(string text) => _text.AppendLiteral(text);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public override string ToString() => _text.ToStringAndClear();
}
