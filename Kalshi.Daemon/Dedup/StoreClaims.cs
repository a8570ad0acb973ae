using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Which gatherer reads which store, told apart by first_record_at. A store is one gatherer's: read as two, everything in it would count as seen twice; read as
/// another, as seen by who never saw it. Any thread.
/// </summary>
internal sealed class StoreClaims
{
    private readonly Dictionary<string, long> _claims;

    /// <param name="known">As production has them: believed, even where two of them have read one store before this was refused.</param>
    public StoreClaims(params IReadOnlyList<KnownGatherer> known) =>
        _claims = known.ToDictionary(gatherer => gatherer.Name, gatherer => gatherer.Position.FirstRecordAt);

    /// <summary>The gatherer reads this store from now on, and not the one it read before. Throws <see cref="SetupException"/> when another one reads it.</summary>
    public void Claim(string name, long firstRecordAt)
    {
        lock (_claims)
        {
            foreach (var (other, claimed) in _claims)
            {
                if (claimed == firstRecordAt && other != name)
                {
                    throw new SetupException(
                        ExitCode.Config,
                        $"its store is the one that gatherer {other} is read from: one of dedup.gatherer.{name} and dedup.gatherer.{other} names the wrong database; correct it and start again");
                }
            }

            _claims[name] = firstRecordAt;
        }
    }
}
