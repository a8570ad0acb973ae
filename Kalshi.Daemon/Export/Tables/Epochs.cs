using System.Text;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>
/// epochs: each run of dense seq with what its frames of this hour were. The counts of a row add up to last_seq − first_seq + 1,
/// and the hour's rows of the other tables with that epoch_id are as many as it says: nothing is missing.
/// </summary>
internal sealed class Epochs : Table
{
    private readonly IntegerColumn _epochId, _session, _sid, _firstSeq, _lastSeq, _fromAt, _toAt;
    private readonly IntegerColumn _deltas, _snapshots, _trades, _duplicateTrades, _lifecycle, _acks, _unknown, _rejected;
    private readonly SymbolColumn _channel, _endReason;

    public Epochs(Symbols symbols)
        : base("epochs", symbols)
    {
        _epochId = Stamp("epoch_id");
        _session = Int("session");
        _sid = Int("sid");
        _channel = Symbol("channel");
        _firstSeq = Long("first_seq");
        _lastSeq = Long("last_seq");
        _fromAt = Stamp("from_at");
        _toAt = Stamp("to_at");
        _deltas = Long("deltas");
        _snapshots = Long("snapshots");
        _trades = Long("trades");
        _duplicateTrades = Long("duplicate_trades");
        _lifecycle = Long("lifecycle");
        _acks = Long("acks");
        _unknown = Long("unknown");
        _rejected = Long("rejected");
        _endReason = Symbol("end_reason", isNullable: true);
    }

    public void Append(EpochShare epoch)
    {
        _epochId.Append(epoch.EpochId);
        _session.Append(epoch.Session);
        _sid.Append(epoch.Sid);
        _channel.Append(Encoding.UTF8.GetBytes(epoch.Channel));
        _firstSeq.Append(epoch.FirstSeq);
        _lastSeq.Append(epoch.LastSeq);
        _fromAt.Append(epoch.FromAt);
        _toAt.Append(epoch.ToAt);
        _deltas.Append(epoch.Counts.Deltas);
        _snapshots.Append(epoch.Counts.Snapshots);
        _trades.Append(epoch.Counts.Trades);
        _duplicateTrades.Append(epoch.DuplicateTrades);
        _lifecycle.Append(epoch.Counts.Lifecycle);
        _acks.Append(epoch.Counts.Acks);
        _unknown.Append(epoch.Counts.Unknown);
        _rejected.Append(epoch.Counts.Rejected);
        _endReason.Append(Encoding.UTF8.GetBytes(epoch.EndReason ?? ""));
    }
}
