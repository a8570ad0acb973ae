using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>rejected_frames: frames that could not become a row, whole, with the reason by name. sid and seq are null when the frame has none.</summary>
internal sealed class RejectedFrames : Table
{
    private readonly IntegerColumn _receivedAt, _session, _sid, _seq;
    private readonly SymbolColumn _ticker, _reason;
    private readonly TextColumn _frame;

    public RejectedFrames(Symbols symbols)
        : base("rejected_frames", symbols)
    {
        _receivedAt = Stamp("received_at");
        _session = Int("session");
        _sid = Long("sid", isNullable: true);
        _seq = Long("seq", isNullable: true);
        _ticker = Key("ticker", isNullable: true);
        _reason = Symbol("reason");
        _frame = Text("frame");
    }

    public void Append(in RowOrigin origin, Message message, string reason, ReadOnlySpan<byte> frame)
    {
        _receivedAt.Append(origin.ReceivedAt);
        _session.Append(origin.Session);
        _sid.Append(origin.Sid > 0 ? origin.Sid : IntegerColumn.Null);
        _seq.Append(origin.Seq > 0 ? origin.Seq : IntegerColumn.Null);
        _ticker.Append(message.Ticker);
        _reason.Append(Encoding.UTF8.GetBytes(reason));
        _frame.Append(frame);
    }

    protected override int[] Order() => SortTies(base.Order(), _ticker, _receivedAt, _frame);
}
