using System.Globalization;
using Kalshi.Daemon.Bench.Fuzz;
using Kalshi.Daemon.Bench.Pipeline;
using Kalshi.Daemon.Bench.Storage;

return args switch
{
    ["capture"] => CaptureBench.Run(5_000_000),
    ["capture", var messages] => CaptureBench.Run(long.Parse(messages, CultureInfo.InvariantCulture)),
    ["capture-child", var side, var url, var messages] => await CaptureBench.ChildAsync(side, new Uri(url), long.Parse(messages, CultureInfo.InvariantCulture)),
    ["gather", var binary] => GatherBench.Run(binary, 12_000_000),
    ["gather", var binary, var frames] => GatherBench.Run(binary, long.Parse(frames, CultureInfo.InvariantCulture)),
    ["fuzz-journal", var inputs, var seed] => JournalFuzz.Run(long.Parse(inputs, CultureInfo.InvariantCulture), ulong.Parse(seed, CultureInfo.InvariantCulture)),
    ["journal"] => JournalBench.Run(4_000_000, "../shared/kalshi/recordings"),
    ["journal", var records, var recordings] => JournalBench.Run(long.Parse(records, CultureInfo.InvariantCulture), recordings),
    _ => 64,
};
