using System.Globalization;

namespace Orleans.DOS.Processes;

/// <summary><c>sleep NUMBER[smhd]...</c>: waits for the sum.</summary>
[Program("sleep", Summary = "waits")]
public sealed class SleepProgram : IProgram
{
    public async Task<int> RunAsync(IProgramContext context)
    {
        if (context.Arguments.Count == 0)
        {
            return await context.UsageAsync("sleep NUMBER[smhd]...");
        }
        var total = TimeSpan.Zero;
        foreach (var argument in context.Arguments)
        {
            if (Parse(argument) is not { } part)
            {
                return await context.UsageAsync("sleep NUMBER[smhd]...", $"invalid time interval '{argument}'");
            }
            total += part;
        }
        await Task.Delay(total, context.Terminating);
        return 0;
    }

    private static TimeSpan? Parse(string text)
    {
        var unit = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 };
        // 24 days is what a timer can wait.
        return double.TryParse(unit == 0 ? text : text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            && number * Math.Max(unit, 1) is var seconds and <= 24 * 86400.0
            ? TimeSpan.FromSeconds(seconds)
            : null;
    }
}
