/** A program that is being compiled and linked beside this thread, which is asked for nothing until it
 *  is done: the first question of a page waits for the whole start of the graphics process, where
 *  points are drawn by software nearly a second. */
export class Linking {
  private readonly program: WebGLProgram;
  private readonly shaders: WebGLShader[] = [];
  private readonly parallel: KHR_parallel_shader_compile | null;

  constructor(private readonly gl: WebGL2RenderingContext, vertex: string, fragment: string) {
    this.parallel = gl.getExtension("KHR_parallel_shader_compile");
    const program = gl.createProgram();
    if (!program) throw new Error("The graphics memory is exhausted.");
    this.program = program;
    for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
      const shader = gl.createShader(type);
      if (!shader) throw new Error("The graphics memory is exhausted.");
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
      this.shaders.push(shader);
    }
    gl.linkProgram(program);
  }

  /** Whether linked() won't wait. */
  get done(): boolean {
    return !this.parallel ||
      this.gl.getProgramParameter(this.program, this.parallel.COMPLETION_STATUS_KHR) === true;
  }

  /** The program. errors  with what the driver said */
  linked(): WebGLProgram {
    const { gl, program } = this;
    if (gl.getProgramParameter(program, gl.LINK_STATUS)) return program;
    const said = this.shaders.map((shader) => gl.getShaderInfoLog(shader)).find((text) => text);
    throw new Error(said ?? (gl.getProgramInfoLog(program) || "the shaders do not link"));
  }
}

/** A linked program, or an Error with what the driver said. */
export const link = (gl: WebGL2RenderingContext, vertex: string, fragment: string): WebGLProgram =>
  new Linking(gl, vertex, fragment).linked();
