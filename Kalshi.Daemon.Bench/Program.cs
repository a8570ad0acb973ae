using System.Globalization;
using Kalshi.Daemon.Bench.Pipeline;

return args switch
{
    ["capture"] => CaptureBench.Run(5_000_000),
    ["capture", var messages] => CaptureBench.Run(long.Parse(messages, CultureInfo.InvariantCulture)),
    ["capture-child", var side, var url, var messages] => await CaptureBench.ChildAsync(side, new Uri(url), long.Parse(messages, CultureInfo.InvariantCulture)),
    ["gather", var binary] => GatherBench.Run(binary, 12_000_000),
    ["gather", var binary, var frames] => GatherBench.Run(binary, long.Parse(frames, CultureInfo.InvariantCulture)),
    _ => 64,
};
