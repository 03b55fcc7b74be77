using System.Text;

namespace Orleans.DOS.Processes;

/// <summary><c>env</c>: writes the variables of its environment, sorted, as NAME=VALUE lines.</summary>
[Program("env", Summary = "writes its environment")]
public sealed class EnvProgram : IProgram
{
    public async Task<int> RunAsync(IProgramContext context)
    {
        if (context.Arguments.Count > 0)
        {
            return await context.UsageAsync("env");
        }
        var lines = context.Environment.OrderBy(variable => variable.Key, StringComparer.Ordinal).Select(variable => $"{variable.Key}={variable.Value}\n");
        await context.StandardOutput.WriteAsync(Encoding.UTF8.GetBytes(string.Concat(lines)), context.Terminating);
        return 0;
    }
}
