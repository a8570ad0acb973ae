using System.Globalization;
using Kalshi.Daemon.Bench.Pipeline;

return args switch
{
    ["capture"] => CaptureBench.Run(5_000_000),
    ["capture", var messages] => CaptureBench.Run(long.Parse(messages, CultureInfo.InvariantCulture)),
    ["capture-child", var side, var url, var messages] => await CaptureBench.ChildAsync(side, new Uri(url), long.Parse(messages, CultureInfo.InvariantCulture)),
    _ => 64,
};
