using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>rejected_frames of production: frames that a gatherer could not make a row of, whole, with the reason by name.</summary>
internal sealed class MergedRejected : Table
{
    private readonly IntegerColumn _receivedAt;
    private readonly SymbolColumn _gatherer, _ticker, _type, _reason;
    private readonly TextColumn _frame;

    public MergedRejected(Symbols symbols)
        : base("rejected_frames", symbols)
    {
        _receivedAt = Stamp("received_at");
        _gatherer = Symbol("gatherer");
        _ticker = Key("ticker", isNullable: true);
        _type = Symbol("type");
        _reason = Symbol("reason");
        _frame = Text("frame");
    }

    public void Append(long receivedAt, ReadOnlySpan<byte> gatherer, ReadOnlySpan<byte> ticker, ReadOnlySpan<byte> type, ReadOnlySpan<byte> reason, ReadOnlySpan<byte> frame)
    {
        _receivedAt.Append(receivedAt);
        _gatherer.Append(gatherer);
        _ticker.Append(ticker);
        _type.Append(type);
        _reason.Append(reason);
        _frame.Append(frame);
    }
}
