using System.Text;

namespace Orleans.DOS.Processes;

/// <summary><c>env</c>: NAME=VALUE lines, by name.</summary>
[Program("env", Summary = "writes its environment")]
public sealed class EnvProgram : IProgram
{
    public async Task<int> RunAsync(IProgramContext context)
    {
        if (context.Arguments.Count > 0)
        {
            return await context.UsageAsync("env", $"unexpected '{context.Arguments[0]}'");
        }
        var lines = context.Environment.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}\n");
        await context.StandardOutput.WriteAsync(Encoding.UTF8.GetBytes(string.Concat(lines)), context.Terminating);
        return 0;
    }
}
