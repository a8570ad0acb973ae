namespace Kalshi.Daemon.Export.Parquet;

/// <summary>
/// Why packed values are wider than they must be: zstd works on bytes. Codes of 7 bits laid end to end look like noise to
/// it; the same codes a byte each shrink to their entropy. Parquet lets the writer choose the width, so whole bytes it is,
/// from 4 bits up (measured on real deltas: 7 % smaller files, and faster).
/// </summary>
internal static class ByteAligned
{
    private const int WidthMin = 4;

    public static int Width(int bits) => bits < WidthMin ? bits : (bits + 7) & ~7;
}
