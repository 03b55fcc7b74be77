using System.Text;

namespace Orleans.DOS.Processes;

/// <summary><c>echo [-n] WORD...</c></summary>
[Program("echo", Summary = "writes its arguments")]
public sealed class EchoProgram : IProgram
{
    public async Task<int> RunAsync(IProgramContext context)
    {
        var words = context.Arguments;
        var newline = words is not ["-n", ..];
        var text = string.Join(' ', newline ? words : words.Skip(1)) + (newline ? "\n" : "");
        await context.StandardOutput.WriteAsync(Encoding.UTF8.GetBytes(text), context.Terminating);
        return 0;
    }
}
